"""Every figure: labelled, readable, marked, closed to mathtext, and out of pyplot's global state."""

import re
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from lk import plots
from lk.certification import plots as certificate_plots
from lk.certification.circuits import circuit_picture
from lk.finders import rho_set
from lk.groups import Symmetric, irreps
from lk.metrics.intervals import jackknife
from lk.paper import plots as paper_plots
from lk.paper import sparsity_plots
from lk.plots.on_images import outline
from lk.plots.style import FOOTNOTE, figure_image, layer_labels, short, spread
from lk.studies.averages import averages
from lk.studies.ranking import strongest_of
from tests.helpers.paper_frames import paper
from tests.helpers.run_folders import interactions

# What mathtext would stumble over.
LAYERS = ("a$b$c", "$\\frac{", "third^", "output")


def frames(layers=LAYERS):
    """One frame for each figure; the second layer is marked."""
    checkpoints = [
        interactions(layers=layers, seed=i, step=10 * i, epoch=float(i), salience_ratio=0.05) for i in range(3)
    ]
    tables, before = [], None
    for found in checkpoints:
        tables.append(averages(found, jackknife(6), before, checkpoints[-1]))
        before = found
    whole = {key: pd.concat([table[key] for table in tables], ignore_index=True) for key in tables[0]}

    def mark(frame):
        return frame.assign(marked=frame["layer"] == layers[1])

    last = {key: mark(frame[frame["step"] == 20]) for key, frame in whole.items()}
    probes = pd.DataFrame(
        {
            "layer": layers,
            "depth": np.linspace(0, 1, len(layers)),
            "accuracy": 0.8,
            "calibration_error": 0.1,
            "chance": 0.5,
            "samples": 50,
        }
    )
    probes = pd.concat([probes.assign(step=step, epoch=step / 10) for step in (0, 10)])
    hidden = len(layers) - 1
    measures = {
        "depth": np.linspace(0, 0.7, hidden),
        "completeness": np.linspace(0.2, 0.9, hidden),
        "cka_output": np.linspace(0.1, 0.8, hidden),
        "effective_rank": np.linspace(20, 5, hidden),
    }
    beside = pd.DataFrame({"layer": layers[:-1], **measures}).assign(low=0.1, high=0.95, knn_accuracy=0.9)
    strongest = mark(strongest_of(checkpoints[-1], [("one\nno. 3", layers[1], 0), ("two", layers[-1], 1)]))
    lines = (
        last["counts"]
        .query("kind == 'both' and order == 0")
        .assign(panel="count", xlabel="depth", ylabel="number", x=lambda f: f["depth"], line="run-1", chance=0.1)
    )
    owners = np.arange(16).reshape(1, 4, 4) // 4
    images = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 1, 4, 4)
    return {
        **certified(),
        **dynamics(layers),
        **paper(),
        "change": (last["shares"], "Change, epoch 2"),
        "companions": (mark(beside),),
        "iou_matrix": (pairs(), ["run-1", "run-2", "run-$3$"]),
        "layer_probes": (mark(probes), "Probes, epoch 2"),
        "layer_ratios": (last["shares"], "Ratios, epoch 2"),
        "on_images": (strongest, images, owners.repeat(2, 0)),
        "order_over_epochs": (mark(whole["strengths"]),),
        "overlap": (last["shares"], "output"),
        "ranked_effects": (strongest, ["$a$", "b_{", "<c>", "d"]),
        "ratios": (last["shares"],),
        "run_lines": (lines,),
        "salient_count": (last["counts"], "Salient, epoch 2"),
        "signed_strength": (last["strengths"], "Signed, epoch 2"),
    }


def pairs():
    """Agreement of three runs at orders 1 and 2; OR effects of single players do not exist."""
    rows = [
        (a, b, kind, order, np.nan if kind == "or" and order == 1 else 0.5 / order, 0.1, 6)
        for a, b in (("run-1", "run-2"), ("run-1", "run-$3$"), ("run-2", "run-$3$"))
        for kind in ("and", "or")
        for order in (1, 2)
    ]
    return pd.DataFrame(rows, columns=["run_a", "run_b", "kind", "order", "mean", "chance", "n"])


def dynamics(layers):
    """Frames of figures about training; the second layer is marked."""
    end = {"mean": 0.3, "low": 0.2, "high": 0.4, "n": 6, "network": "MLP on $\\frac{"}
    at = [{"step": 10 * i, "epoch": float(i)} for i in range(3)]
    centres = [
        {**end, **when, "quantity": quantity, "layer": layer, "depth": depth, "marked": depth == 1}
        for quantity in ("centre", "alone")
        for depth, layer in enumerate(layers)
        for when in at
    ]
    ends = {
        "network": end["network"],
        "layer": layers[-1],
        "end_epoch": np.nan,
        "lowest_epoch": 1.0,
        "opens_epoch": 1.5,
    }
    gaps = pd.DataFrame({"network": end["network"], "run": "run-$1$", "epoch": [1.0, 2.0], "gap": [0.1, 0.4]})
    flows = [
        {
            "network": end["network"],
            "place": place,
            "label": f"$_{place}",
            "history": history,
            "count": 3.0,
            "kept": 2.0,
        }
        for place in range(3)
        for history in ("reliable", "betraying", "other")
    ]
    quantities = ("share", "chance", "shared", "alone")
    general = [{**end, **at[2], "quantity": quantity, "order": order} for quantity in quantities for order in (1, 2, 3)]
    orders = [
        {**end, **when, "layer": layers[1], "marked": True, "sign": sign, "order": o}
        for when in at
        for sign in ("positive", "negative")
        for o in (1, 2)
    ]
    noise = [{**end, **when, "order": o, "real": 0.5, "theory": 0.4, "variance": 1e-4} for when in at for o in (1, 2)]
    curves = [
        {**end, "run": "run-$1$", "phase": "phase 1", "orders": "low orders", "time": time} for time in (0.5, 1.0)
    ]
    return {
        "alluvial": (pd.DataFrame(flows),),
        "generalisation_by_order": (pd.DataFrame(general),),
        "noise_curve": (pd.DataFrame(noise),),
        "orders_over_training": (pd.DataFrame(orders),),
        "phases": (pd.DataFrame(centres), pd.DataFrame([ends]), gaps),
        "survival": (pd.DataFrame(curves),),
    }


def certified():
    """Frames of figures about certificates: two checkpoints, three networks."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "step": step,
            "seed": seed,
            "verifier": name,
            "tier": name,
            "bound": bound,
            "accuracy": 1.0,
            "cost": cost,
            "margin": 5.0 + seed,
            "error_50": 3.0 * cost,
            "error_90": 4.0,
        }
        for step in (0, 100)
        for seed in range(3)
        for name, bound, cost in (
            ("brute_force", 1.0, 1.1),
            ("irrep", 0.2, 0.05),
            ("gset", rng.random(), 0.1),
            ("schur", 0.99, 0.15),
        )
    ]
    tiers = [
        {"verifier": "cascade", "tier": tier, "bound": bound, "cost": cost}
        for tier, bound, cost in (("separable", 0.0, 0.01), ("gset", 0.9, 0.2))
    ]
    rows += [{**rows[-1], "seed": seed, **tier} for seed in range(3) for tier in tiers]
    certificates = pd.DataFrame(rows)
    last = certificates[certificates["step"] == 100]
    quantities = [("train/accuracy", ""), ("test/accuracy", ""), ("full/accuracy", "")]
    quantities += [(f"power_{table}", f"{i + 1}a") for table in ("left", "right", "unembed") for i in range(10)]
    progress = [
        (step, seed, q, irrep, rng.random()) for step in (0, 100) for seed in range(3) for q, irrep in quantities
    ]
    progress = pd.DataFrame(progress, columns=["step", "seed", "quantity", "irrep", "value"])
    milestones = pd.DataFrame({"seed": [0, 1, 2], "groks": [100.0, 100.0, np.nan], "provable": [100.0, np.nan, np.nan]})
    part = rho_set(Symmetric(3), irreps(Symmetric(3))[2].matrices, np.array([0, 1]), np.array([1.0, 0.3]))
    return {
        "bound_against_cost": (last,),
        "bound_histogram": (last[last["verifier"] != "cascade"], 0.95),
        "certified_accuracy": (progress, certificates, milestones, 0.95, 0.99),
        "circuit": (*circuit_picture(part, Symmetric(3), "relu"), "seed 0, circuit 1 (2a$ on 3 points)"),
        "irrep_power_over_training": (progress,),
        "margin_against_error": (last,),
    }


ROOMS = (plots, certificate_plots, paper_plots, sparsity_plots)
DRAW = {name: getattr(room, name) for room in ROOMS for name in room.__all__}


@pytest.fixture(scope="module")
def drawn():
    return {name: DRAW[name](*arguments) for name, arguments in frames().items()}


def words(figure):
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def test_every_exported_plot_is_tested():
    assert set(frames()) == set(DRAW)


@pytest.mark.parametrize("name", DRAW)
def test_figure(name, drawn):
    figure = drawn[name]
    assert isinstance(figure, Figure)
    image = figure_image(figure)
    assert image.std() > 5  # something is drawn
    assert min(text.get_fontsize() for text in words(figure)) >= 9
    assert figure.get_figwidth() <= 11.5  # shown at its own size on the page
    for axes in figure.axes:
        if axes.axison and axes.get_label() != "<colorbar>" and axes.has_data():
            titled = axes.get_xlabel() or axes.get_title(loc="left") or not axes.get_subplotspec().is_last_row()
            assert titled, "a panel says neither what it shows nor over what"
    if "matplotlib.pyplot" in sys.modules:
        assert mpl.pyplot.get_fignums() == []


WITHOUT_LAYERS = {"alluvial", "generalisation_by_order", "noise_curve", "survival"}  # of the output alone
UNMARKED = {
    "iou_matrix",
    *WITHOUT_LAYERS,
    *certified(),
    *(set(paper()) - {"paper_overlap", "paper_ratios"}),
}


@pytest.mark.parametrize("name", sorted(set(DRAW) - UNMARKED))
def test_marked_layers_are_marked(name, drawn):
    said = " ".join(text.get_text() for text in words(drawn[name]))
    assert FOOTNOTE in said


def test_no_text_leaves_the_figure(drawn):
    for name, figure in drawn.items():
        figure_image(figure)
        box = figure.bbox.expanded(1.01, 1.01)
        labels = [
            text for axes in figure.axes for text in (axes.xaxis.label, axes.yaxis.label, *axes.texts) if axes.axison
        ]
        legends = [text for legend in figure.legends for text in legend.get_texts()]
        for text in [*figure.texts, *labels, *legends]:
            extent = text.get_window_extent()
            assert box.x0 <= extent.x0, (name, text.get_text())
            assert extent.x1 <= box.x1, (name, text.get_text())


def test_matrix_holds_iou_below_and_chance_above_the_diagonal(drawn):
    panels = [axes for axes in drawn["iou_matrix"].axes if axes.images]
    assert [axes.get_title(loc="left") for axes in panels] == ["AND, order 1", "AND, order 2", "OR, order 2"]
    table = np.asarray(panels[1].images[0].get_array().filled(np.nan))
    assert table[np.tril_indices(3, -1)].tolist() == [0.25] * 3
    assert table[np.triu_indices(3, 1)].tolist() == [0.1] * 3
    assert np.isnan(np.diag(table)).all()


def test_a_line_without_rows_shifts_no_colours():
    """The second run has no training table: the third keeps its colour, and the legend names who is drawn anywhere."""
    rows = [("left", "one"), ("left", "three"), ("right", "one"), ("right", "two"), ("right", "three")]
    frame = pd.DataFrame(rows, columns=["panel", "line"]).assign(
        x=1, mean=0.5, low=0.4, high=0.6, xlabel="x", ylabel="y"
    )
    figure = plots.run_lines(frame, names=["one", "two", "three", "four"])
    left, right = ({line.get_label(): line.get_color() for line in axes.lines} for axes in figure.axes)
    assert left == {name: right[name] for name in ("one", "three")}
    assert len(set(right.values())) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "two", "three"]


def test_style_does_not_leak():
    before = dict(mpl.rcParams)
    plots.salient_count(*frames()["salient_count"])
    assert dict(mpl.rcParams) == before


def test_outline_of_a_patch_is_its_border():
    axes = Figure().subplots()
    owner = np.array([[0, 0, 1], [0, 0, 1], [2, 2, 2]])
    outline(axes, owner, [0], (10.0, 20.0), color="black")
    found = {tuple(map(tuple, np.sort(line, 0))) for line in axes.collections[0].get_segments()}
    corners = {((10, 20), (12, 20)), ((10, 22), (12, 22)), ((10, 20), (10, 22)), ((12, 20), (12, 22))}
    assert found == {tuple((float(x), float(y)) for x, y in line) for line in corners}


def test_names():
    assert short("module.layer3.12.conv2", 12) == "modul…conv2"
    assert layer_labels(["a", "b"], ["b"]) == ["a", "b †"]
    assert spread([str(i) for i in range(10)], 4) == ["0", "3", "6", "9"]
    assert spread(["a"], 4) == ["a"]


def test_ranked_effects_names_the_players_of_each_sample():
    rows = [
        {"group": f"no. {i}", "image": i, "rank": 0, "kind": kind, "players": [0, 1], "effect": 1.0}
        for i, kind in enumerate(("AND", "OR"))
    ]
    figure = plots.ranked_effects(pd.DataFrame(rows), [["not", "funny"], ["warm", "film"]])
    labels = [[text.get_text() for text in axes.get_yticklabels()] for axes in figure.axes]
    assert labels == [["not & funny"], ["warm | film"]]


def test_long_names_are_cut_in_the_middle_and_stay_different():
    players = [f"{'sensor_' * 20}{i}{'_reading' * 20}" for i in range(6)]
    rows = [
        {
            "group": f"{'c' * 200}{i}{'d' * 200}\nno. {i}\nmisread",
            "image": i,
            "rank": rank,
            "kind": "AND",
            "players": own,
            "effect": 1.0,
        }
        for i in range(2)
        for rank, own in enumerate(([0], [1], [0, 1], [0, 2], [0, 1, 2], [0, 1, 2, 3, 4, 5]))
    ]
    figure = plots.ranked_effects(pd.DataFrame(rows), players)
    figure_image(figure)
    for axes in figure.axes:
        labels = [text.get_text() for text in axes.get_yticklabels()]
        assert len(set(labels)) == 6
        assert max(map(len, labels)) <= 50
        title = axes._left_title if hasattr(axes, "_left_title") else axes.title
        for text in (title, *axes.get_yticklabels()):
            extent = text.get_window_extent()
            assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1
        assert axes.get_window_extent().width > 0.2 * figure.bbox.width  # the bars have room


@pytest.mark.parametrize("name", ["change", "overlap", "signed_strength", "paper_overlap"])
def test_strength_drawn_downwards_has_positive_ticks(name, drawn):
    figure_image(drawn[name])
    below = 0
    for axes in drawn[name].axes:
        if axes.axison and axes.has_data():
            for place in axes.get_yticks():
                assert not axes.yaxis.get_major_formatter()(place, 0).startswith(("-", "−"))
                below += place < 0
    assert below  # there is something below zero, and it is said
    said = " ".join(text.get_text() for text in words(drawn[name]))
    assert re.search(r"downwards|↓ negative", said)


def test_a_figure_without_room_says_so_itself():
    layers = (*(f"layer{i}" for i in range(8)), "output")
    many = frames(layers)
    for name in ("change", "overlap", "signed_strength", "order_over_epochs"):
        said = " ".join(text.get_text() for text in words(getattr(plots, name)(*many[name])))
        assert re.search(r"6 of \d layers, evenly spread", said), name
    five = frames((*LAYERS[:3], "fourth", "output"))  # as in configs/digits.yaml, of which one layer was missing
    figure = plots.order_over_epochs(*five["order_over_epochs"])
    assert len(figure.axes) == 2 * 5
    assert "evenly spread" not in " ".join(text.get_text() for text in words(figure))


def heights(figure, panel=0):
    """Bottom and top of every bar of a panel, one array for each artist."""
    shown = [c for c in figure.axes[panel].collections if isinstance(c, PolyCollection)]
    return [np.array([path.get_extents().intervaly for path in bars.get_paths()]) for bars in shown]


def test_bars_while_training_are_the_averages(drawn):
    """Each bar from its base to its end, in the order of the rows."""
    strengths, shares, counts = (frames()[name][0] for name in ("signed_strength", "change", "salient_count"))
    positive = strengths[
        (strengths["kind"] == "and") & (strengths["quantity"] == "positive") & (strengths["order"] > 0)
    ]
    np.testing.assert_allclose(heights(drawn["signed_strength"])[0][:, 1], positive["mean"])
    own = shares[(shares["kind"] == "both") & (shares["order"] > 0) & (shares["reference"] == "checkpoint before")]
    kept, emerged, gone = (own[own["quantity"] == name]["mean"] for name in ("overlap", "forgotten", "new"))
    grey, blue, orange = heights(drawn["change"], 1)
    np.testing.assert_allclose(grey[:, 1], kept)
    np.testing.assert_allclose(blue[:, 1] - blue[:, 0], emerged)
    np.testing.assert_allclose(blue[:, 0], kept)
    np.testing.assert_allclose(orange[:, 0], -gone)
    both = counts[(counts["kind"] == "both") & (counts["order"] == 0)]
    np.testing.assert_allclose(heights(drawn["salient_count"])[1][:, 1], both["mean"])


def test_lines_while_training_are_the_averages(drawn):
    shares, probes = frames()["layer_ratios"][0], frames()["layer_probes"][0]
    rows = shares[(shares["kind"] == "both") & (shares["order"] == 0) & (shares["reference"] == "output")]
    for line, name in zip(drawn["layer_ratios"].axes[0].lines, ("completeness", "redundancy"), strict=True):
        np.testing.assert_allclose(line.get_ydata(), rows[rows["quantity"] == name]["mean"].iloc[:-1])
    last = probes[probes["step"] == 10]
    line, chance = drawn["layer_probes"].axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), last["accuracy"])
    assert set(chance.get_ydata()) == set(last["chance"])
