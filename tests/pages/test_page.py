"""The page in a browser: it moves, names values, saves figures, asks nobody; it reads light, dark, small and still."""

import json
import re

import pytest

from lk.report import write_report
from tests.helpers.browser import Browser, needs_browser
from tests.helpers.run_folders import write_run

pytestmark = needs_browser

# Luminance contrast of every text with the first opaque colour behind it; a number in a cell stands on the cell.
CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = colour => {
    const [r, g, b] = colour.map(part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    if (/dark-text|light-text/.test(element.getAttribute("class")))
      return rgb(element.previousElementSibling.getAttribute("fill"));
    for (let own = element; own; own = own.parentElement) {
      const colour = rgb(getComputedStyle(own).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgb(element.ownerSVGElement ? style.fill : style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = `${element.tagName} ${element.getAttribute("class")} ${element.textContent.slice(0, 30)}`;
    if (ratio < 4.5) bad.push(`${name}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(bad)];
})()"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(write_run(tmp_path_factory.mktemp("runs") / "moving", at_chance=("first",), samples=8))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def go(browser, place):
    browser.evaluate(f"slider.value = {place}; slider.dispatchEvent(new Event('input'))")


def test_the_page_asks_nobody_and_prints_no_error(browser, report):
    browser.open(report)
    assert browser.errors == []
    own = report.as_uri()
    assert all(address == own or address.startswith(("data:image/png", "about:")) for address in browser.requests)
    assert len(report.read_bytes()) < 3_000_000


def test_the_slider_moves_every_chart_of_checkpoints(browser, report, tmp_path):
    browser.open(report)
    drawn = "[...document.querySelectorAll('.panels')].map(panels => [panels.parentElement.id, panels.innerHTML])"
    last = dict(browser.evaluate(drawn))
    browser.screenshot(tmp_path / "last.png")
    go(browser, 0)
    assert browser.evaluate("output.textContent") == "0 of 2"
    first = dict(browser.evaluate(drawn))
    assert {name for name in last if first[name] == last[name]} == {"sorted", "probes"}  # probes are constant
    browser.screenshot(tmp_path / "first.png")
    assert (tmp_path / "first.png").read_bytes() != (tmp_path / "last.png").read_bytes()
    assert browser.evaluate("document.querySelector('#orders .epoch').textContent") == ", epoch 0"
    go(browser, 2)
    assert dict(browser.evaluate(drawn)) == last


def test_hovering_says_the_value_of_the_table_with_its_interval(browser, report):
    browser.open(report)
    go(browser, 1)
    stored = browser.evaluate(
        "charts.find(chart => chart.figure.id === 'orders').data.marks.find(mark => mark.values.length)"
    )
    browser.evaluate("document.getElementById('orders').scrollIntoView()")
    box = "document.querySelector('#orders .panels rect[data-m]').getBoundingClientRect()"
    x, y = browser.evaluate(f"[{box}.x + {box}.width / 2, {box}.y + {box}.height / 2]")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    said = browser.evaluate("tip.hidden ? '' : tip.textContent")
    assert said.startswith(" · ".join(stored["at"]))
    found = re.search(r"\n(\S+) × mean \|v\(N\) − v\(∅\)\| \(95\xa0%: (\S+) to (\S+)\)", said)
    numbers = [float(part.replace("−", "-")) for part in found.groups()]
    assert numbers == pytest.approx(stored["values"][1], rel=1e-2)
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
    assert browser.evaluate("tip.hidden")


def test_figures_are_saved_as_png_svg_and_csv(browser, report):
    browser.open(report)
    for name in ("overlap-output", "strongest-samples", "training"):
        size, height = browser.evaluate(
            f"picture(address(drawing(document.getElementById('{name}')))).then(async blob => {{"
            "const image = await createImageBitmap(blob); return [blob.size, image.height]; })"
        )
        assert size > 10_000
        assert height > 400
    rows = browser.evaluate("table(charts.find(chart => chart.figure.id === 'ratios'))").splitlines()
    assert rows[0] == "epoch,quantity,kind,order,layer,value,low,high"
    assert rows[1].startswith("0,completeness,AND,order 1,first,")
    buttons = "[...document.querySelectorAll('#ratios .save button')].map(one => one.textContent).join()"
    assert browser.evaluate(buttons) == "SVG,PNG,PDF,CSV"
    assert browser.errors == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("place", [0, 2])
def test_text_has_contrast_in_light_and_dark(browser, report, dark, place):
    browser.open(report, dark=dark)
    go(browser, place)
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(23, 24, 26)" if dark else "rgb(255, 255, 255)"
    )
    assert browser.evaluate(CONTRAST) == []


def test_the_switch_changes_light_to_dark(browser, report):
    browser.open(report)
    browser.evaluate("theme.click()")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 24, 26)"
    assert browser.evaluate("theme.textContent") == "Light"


@pytest.mark.parametrize("width", [390, 1400])
def test_text_of_figures_is_large_enough_and_nothing_scrolls_sideways(browser, report, width):
    browser.open(report, width=width, height=844, mobile=width < 500)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    size = browser.evaluate(
        "Math.min(...[...document.querySelectorAll('.panels svg')].map("
        "svg => 12 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width))"
    )
    assert size > 8.5  # pixels of the letters' em


def test_without_its_script_the_page_shows_the_last_epoch(browser, report):
    browser.open(report, script=False)
    assert browser.evaluate("document.getElementById('page-epochs').checkVisibility()") is False
    assert browser.evaluate("document.querySelectorAll('.save').length") == 0
    assert browser.evaluate("document.querySelector('#orders .epoch').textContent") == ", epoch 2"
    drawn = "document.getElementById('orders').querySelector('.panels').innerHTML"
    still = browser.evaluate(drawn)
    browser.open(report)
    assert browser.evaluate(drawn) == still


def test_every_image_has_a_description(browser, report):
    browser.open(report)
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    images = [node for node in tree if node["role"]["value"] == "image" and not node["ignored"]]
    assert len(images) == browser.evaluate("document.querySelectorAll('figure').length")
    assert all(len(node["name"]["value"]) > 60 for node in images)


def test_slides_show_a_figure_per_screen_and_print_a_figure_per_page(browser, report):
    browser.open(report, 1280, 720, anchor="#slides")
    figures = browser.evaluate(
        "[...document.querySelectorAll('figure')].map(one => one.getBoundingClientRect().height)"
    )
    assert all(height >= 720 for height in figures)
    assert browser.pdf().count(b"/Type /Page\n") == len(figures)
    browser.open(report)
    browser.evaluate("root.classList.add('one'); document.getElementById('ratios').classList.add('chosen')")
    assert browser.pdf().count(b"/Type /Page\n") == 1


def test_terms_lead_to_the_glossary(browser, report):
    browser.open(report)
    links = "[...document.querySelectorAll('a[href^=\"#\"]')]"
    lost = f"{links}.map(link => link.hash).filter(hash => !document.getElementById(hash.slice(1)))"
    assert browser.evaluate(lost) == []
    linked = json.dumps(
        browser.evaluate("[...document.querySelectorAll('.answers a.term')].map(link => link.textContent)")
    )
    assert all(term in linked for term in ("players", "nats", "salient", "Completeness", "redundancy", "certified"))
