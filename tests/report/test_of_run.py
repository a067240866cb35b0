"""The report of a run: self-contained, escaped, from files alone, and its numbers are those of the files."""

import html
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
import torch

from lk import plots
from lk.pages.page import Gallery, Section
from lk.report import write_report
from lk.runs.segments import begin_segment, end_segment
from lk.studies.environment import PACKAGES, record_environment
from lk.studies.extraction_averages import ExtractionAverages
from lk.text import number
from tests.helpers.run_folders import write_run

HOSTILE = "<script>alert('$x_1$ & y')</script>"


class Page(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("runs") / "plain", at_chance=("first",), wrong=(1,))
    return run, Page(write_report(run))


def test_nothing_comes_from_elsewhere(reported):
    run, page = reported
    assert run.report.is_file()
    assert {tag for tag, _ in page.tags}.isdisjoint({"link", "iframe", "object"})
    assert [a for tag, a in page.tags if tag == "script" and a.get("type") != "application/json"] == [{}]  # our own
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and "content" in a and "'none'" in a["content"])
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag, attributes in page.tags:
        for key in ("src", "href"):
            if key in attributes:
                assert attributes[key].startswith("data:image/" if tag in ("img", "image") else "#")
    assert "url(" not in run.report.read_text()
    assert "@import" not in run.report.read_text()


def test_every_figure_is_shown_described_and_kept(reported):
    run, page = reported
    pictures = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert len(pictures) == 13
    assert all(len(attributes["aria-label"]) > 60 for attributes in pictures)
    kept = {path.stem for path in run.figures.glob("*.svg")}
    assert kept == {a["id"] for tag, a in page.tags if tag == "figure"}
    links = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert links <= {attributes["id"] for _, attributes in page.tags if "id" in attributes}


def test_answers_are_those_of_the_files(reported):
    run, page = reported
    games = run.read_table("default/games")
    last = games[games["step"] == 20]
    salient = last[last["layer"] == "output"]["salient"].mean()
    assert f"has {salient:.1f} (" in page.text
    assert "right on 37.5" in page.text  # the last row of the training table
    assert "of the 26 possible among 4 players (n = 6 samples)" in page.text
    shares = run.read_table("default/comparisons")
    shares = shares[(shares["step"] == 20) & (shares["reference"] == "output") & (shares["layer"] == "third")]
    completeness = shares["overlap"].sum() / shares["all_reference"].sum()
    assert f"{completeness:.2f} (" in page.text
    assert "72 of 72 decompositions are certified" in page.text


def test_layers_at_chance_are_marked(reported):
    _, page = reported
    assert "to be read with care: first (probe at chance)" in page.text
    assert "first †" in page.texts
    assert "second †" not in page.text


def test_same_figures_from_the_same_files(reported, tmp_path):
    run, _ = reported
    section, extraction = Section(""), ExtractionAverages(run, "default")
    for name in ("first", "second"):
        Gallery(tmp_path / name).hang(section, "ratios", "", "", plots.ratios(extraction.last["shares"]))
    first, second = section.pictures
    assert first.uri == second.uri
    assert (tmp_path / "first" / "ratios.png").read_bytes() == (tmp_path / "second" / "ratios.png").read_bytes()


def test_names_from_data_are_escaped(tmp_path):
    layers = ("<b>layer$1$</b>", "$\\frac{", "output")
    run = write_run(
        tmp_path / "hostile",
        layers=layers,
        classes=(HOSTILE, "$\\bad{"),
        players=("<i>p</i>", "$a$", "b_1^{", "&amp;"),
        at_chance=layers[:1],
    )
    path = write_report(run)
    page = Page(path)
    assert {tag for tag, _ in page.tags}.isdisjoint({"b1", "i"})
    assert [a for tag, a in page.tags if tag == "script" and a.get("type") != "application/json"] == [{}]
    assert HOSTILE in " ".join(page.texts)
    assert "<b>layer$1$</b> †" in page.texts
    assert "<b>layer" not in path.read_text()


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": {7: 1.0}, "tables": False, "extraction": "other", "players": ("age", "weight", "height", "pulse")},
        {"samples": 1, "settings": {"score": {"class_path": "lk.scores.OfActivation"}}},
        {"strength": 0.0, "steps": {7: 1.0}},
        {"layers": ("output",), "steps": {7: 1.0}},
    ],
    ids=["table, one checkpoint, no curves, no probes", "one sample, own score", "constant games", "output alone"],
)
def test_runs_of_every_kind(tmp_path, settings):
    page = Page(write_report(write_run(tmp_path / "run", **settings)))
    assert "salient interactions" in page.text
    assert "nan" not in re.findall(r"\w+", " ".join(page.texts).lower())


WIDTHS = """<iframe id="page" width="{width}" height="900" style="border: 0" srcdoc="{page}"></iframe><script>
document.getElementById("page").onload = event => {{
  document.title = "scrolls to " + event.target.contentDocument.documentElement.scrollWidth;
}};</script>"""


@pytest.fixture(scope="module")
def long_names(tmp_path_factory):
    names = {"classes": ("c" * 400, "d" * 400), "layers": ("e" * 300, "f" * 300, "g" * 300, "output")}
    players = tuple(f"{'h' * 150}{i}{'k' * 150}" for i in range(4))
    return write_report(write_run(tmp_path_factory.mktemp("runs") / "long", players=players, **names))


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser: install chromium")
@pytest.mark.parametrize("width", [1200, 390])
def test_long_names_do_not_make_the_page_scroll_sideways(long_names, tmp_path, width):
    page = html.escape(long_names.read_text(encoding="utf-8"))
    (tmp_path / "frame.html").write_text(WIDTHS.format(width=width, page=page), encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=4000",
    ]
    command = ["chromium", *options, "--window-size=1300,900", "--dump-dom", (tmp_path / "frame.html").as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    found = re.search(r"<title>scrolls to (\d+)</title>", shown)
    assert found, "the browser did not finish"
    assert int(found[1]) <= width


def test_long_names_stand_in_full_but_not_in_titles(long_names):
    page = Page(long_names)
    assert re.search("c{400}", page.text)
    titles = [text for text in page.texts if text.startswith("Figure")]
    assert titles
    assert max(map(len, titles)) < 150


def test_a_run_without_extraction(tmp_path):
    run = write_run(tmp_path / "run")
    for path in sorted((run.path / "extractions").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert "No interactions were extracted" in Page(write_report(run)).text


def test_a_damaged_file_is_named(tmp_path):
    run = write_run(tmp_path / "run")
    victim = run.extracted("default")[2]
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"step=0000002.interactions\.safetensors is truncated"):
        write_report(run)


def bullets(path):
    """The answers at the top of a page."""
    top = path.read_text(encoding="utf-8").split('<div class="answers">')[1].split("</div>")[0]
    return [re.sub(r"<[^>]+>", "", line) for line in top.splitlines() if "<li>" in line]


ABOUT_INTERACTIONS = ("salient", "completeness", "redundancy", "interactions,", "final interactions", "decompositions")


def test_nothing_is_said_of_the_interactions_of_a_network_at_chance(tmp_path):
    """The mark was once the last bullet, below `epoch 0 is the first checkpoint at which the output holds half ...`."""
    answers = bullets(write_report(write_run(tmp_path / "run", at_chance=("output",))))
    assert answers[0].startswith(
        "Marked †: the finished network is not shown to be better than chance: it is right on 50.0"
    )
    assert len(answers) == 2  # the mark, and what was trained
    assert not any(word in answer for answer in answers for word in ABOUT_INTERACTIONS)


def test_a_marked_layer_of_the_finished_network_comes_first_and_is_left_aside(reported):
    run, _ = reported
    answers = bullets(run.report)
    assert answers[0].startswith("Marked † in the finished network, to be read with care: first (probe at chance).")
    assert not any(re.search(r"\bfirst layer\b|\bat first\b|of first\b", answer) for answer in answers[1:])


def test_without_marks_the_mark_is_the_last_bullet(tmp_path):
    answers = bullets(write_report(write_run(tmp_path / "run")))
    assert answers[-1].startswith("No layer had to be marked")


def test_one_quantity_reads_the_same_everywhere_on_the_page(tmp_path):
    """Every cell of the overview against the sentences and the stored tables."""
    run = write_run(tmp_path / "run", samples=20)
    text = Page(write_report(run)).text
    games = run.read_table("default/games")
    count = games[(games["step"] == 20) & (games["layer"] == "output")]["salient"].mean()
    said = re.search(r"an explained sample has (\S+ \(\S+ to \S+\)) salient", text)[1]
    assert said.split()[0] == number(count, 1)
    assert text.count(said) >= 2  # in the sentence and in the table


def test_the_page_says_what_computed_it(tmp_path):
    run = write_run(tmp_path / "run")
    assert "Versions that made the interactions of extraction default." in Page(write_report(run)).text
    record_environment(run, "training", 0)
    text = Page(write_report(run)).text
    assert f"part from step threads device python {' '.join(PACKAGES)} training 0 {torch.get_num_threads()} cpu" in text
    assert "Between one and two threads, completeness of one layer" in text


def test_a_figure_says_what_it_leaves_out(tmp_path):
    layers = (*(f"layer{i}" for i in range(1, 9)), "output")
    run = write_run(tmp_path / "run", layers=layers)
    path = write_report(run)
    captions = dict(
        re.findall(r'<figure id="([^"]+)">.*?<figcaption>(.*?)</figcaption>', path.read_text(encoding="utf-8"), re.S)
    )
    for name in ("orders", "epochs", "overlap-layer", "overlap-checkpoint"):
        assert re.search(
            r"For lack of room 6 of \d layers are shown, evenly spread; not shown: layer\d", captions[name]
        ), name
    assert "not shown" in captions["overlap-output"]
    assert "The output itself (1 and 0) is not drawn." in captions["ratios"]


def test_the_page_says_how_training_began_and_ended(tmp_path):
    """A killed, a stopped and an extended training are told apart from a finished one, first of all."""
    run = write_run(tmp_path / "a")
    page = write_report(run).read_text()
    assert "Segments of the training" not in page
    begin_segment(run.path, 0, 0.0, {}, 1)
    assert "killed, or is still running" in first_answer(write_report(run))
    end_segment(run.path, 9, 0.9, "SIGTERM")
    assert "stopped by SIGTERM at epoch 0.900 (step 9)" in first_answer(write_report(run))
    begin_segment(run.path, 9, 0.9, {"trainer.max_epochs": [1, 2]}, 1)
    end_segment(run.path, 20, 2.0, "finished")
    page = write_report(run)
    assert first_answer(page) == "A resume changed trainer.max_epochs; the table of segments says where."
    assert "trainer.max_epochs: 1 → 2" in page.read_text()


def first_answer(page):
    return re.search(r"<li>(.*?)</li>", page.read_text(), re.S)[1].strip()
