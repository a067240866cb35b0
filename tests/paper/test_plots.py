"""The figures of the paper: what stands where, and that missing rows are left out and not invented."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from lk.paper import plots, sparsity_plots
from lk.plots.style import FORGOTTEN, NEW, OVERLAP, figure_image, of_samples, wide
from tests.helpers.paper_frames import (
    FEW,
    attributions,
    by_layer,
    by_order,
    counted,
    kappas,
    noise,
    paper,
    sorted_curves,
)

DRAW = {name: getattr(room, name) for room in (plots, sparsity_plots) for name in room.__all__}
KINDS = sorted(set(paper()) - {"paper_attributions"})


def draw(figure):
    """Pixels without the layout, which costs more than the drawing."""
    figure.set_layout_engine("none")
    return figure_image(figure, dpi=50)


def texts(figure):
    """All text of the figure's panels, titles included."""
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [
            axes.get_title(loc="left"),
            axes.get_xlabel(),
            axes.get_ylabel(),
            *(text.get_text() for text in axes.texts),
        ]
    return found


@pytest.mark.parametrize("name", KINDS)
def test_the_number_of_samples_is_stated(name):
    assert "n = 30 samples" in " ".join(texts(DRAW[name](*paper()[name])))


@pytest.mark.parametrize("name", sorted(paper()))
def test_missing_numbers_are_tolerated(name):
    """Every third row is NaN, and the first network or place has no value at all."""
    frame, *rest = paper()[name]
    numbers = [
        column
        for column in ("mean", "low", "high", "strength", "effect", "value", "count", "q50", "chance")
        if column in frame
    ]
    holes = frame[numbers].astype(float)
    holes.iloc[::3] = np.nan
    for column in ("network", "pair", "place", "kappa"):
        if column in frame:
            holes[frame[column] == frame[column].iloc[0]] = np.nan
            break
    assert draw(DRAW[name](frame.assign(**holes), *rest)).std() > 5


def test_strengths_cross_the_threshold_at_the_number_of_salient_ones():
    frame = pd.DataFrame(
        {
            "rank": [0.5, 1.0, 1.5, 2.0],
            "strength": [1.0, 0.5, 0.2, 0.04],
            "tau": 0.05,
            "salient": 1.5,
            "network": "net",
            "n": 2,
        }
    )
    (axes,) = sparsity_plots.paper_strengths(frame).axes
    salient = axes.lines[1]
    assert salient.get_xdata().tolist() == [0.5, 1.0, 1.5]
    assert axes.get_xscale() == "log"
    assert {"salient", "noisy", "τ = 0.05", "1.5 per\nsample"} <= {text.get_text() for text in axes.texts}


def test_bars_add_up_to_both_sides():
    """Overlap 1, forgotten 2, new 3: the bars end at 1, at 1 + 2, and at -3."""
    rows = [
        ("net", "a", 0.0, "and", 1, name, value) for name, value in (("overlap", 1.0), ("forgotten", 2.0), ("new", 3.0))
    ]
    frame = pd.DataFrame(rows, columns=["network", "layer", "depth", "kind", "order", "quantity", "mean"])
    (axes,) = plots.paper_overlap(frame.assign(low=frame["mean"], high=frame["mean"], marked=False, n=4), "and").axes
    ends = {to_hex(bar.get_facecolor()).upper(): bar.get_y() + bar.get_height() for bar in axes.patches}
    assert ends == {OVERLAP: 1.0, FORGOTTEN: 3.0, NEW: -3.0}


@pytest.mark.parametrize("reverse", [False, True])
def test_each_network_has_its_own_layers(reverse):
    networks = dict(reversed(FEW.items())) if reverse else FEW
    figure = plots.paper_overlap(by_layer(networks), "or")
    assert len(figure.axes) == sum(map(len, networks.values()))
    # Where a column ends, the order is named.
    assert sum(axes.get_xlabel() == "order" for axes in figure.axes) == 3
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == list(networks)
    ratios = plots.paper_ratios(by_layer(networks), "and")
    below = [axes for axes in ratios.axes if axes.get_xlabel()]
    assert [len(axes.get_xticklabels()) for axes in below] == [len(layers) for layers in networks.values()]


def test_at_most_six_layers():
    figure = plots.paper_overlap(by_layer({"deep": [f"l{i}" for i in range(11)]}), "and")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["l0", "l2", "l4", "l6", "l8", "l10"]


def test_a_kind_is_drawn_alone():
    frame = by_order("pair", ["one"], lambda _, order: 1.0 / order).assign(chance=0.1)
    frame.loc[frame["kind"] == "or", "mean"] = 0.77
    left, right = plots.paper_agreement(frame.iloc[::-1], "and").axes
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["AND: intermediate layer", "AND: output"]
    line, chance = left.lines
    np.testing.assert_allclose(line.get_ydata(), 1 / np.arange(1, 7))
    assert set(chance.get_ydata()) == {0.1}
    assert chance.get_color() == line.get_color()
    assert chance.is_dashed()
    assert left.get_ylim() == right.get_ylim()


@pytest.mark.parametrize(("fall", "scale"), [(0.1, "linear"), (2.0, "log")])
def test_stability_takes_the_axis_that_its_range_asks_for(fall, scale):
    frame = by_order("network", ["net"], lambda _, order: 9 * np.exp(-fall * order))
    assert {axes.get_yscale() for axes in plots.paper_stability(frame, "and").axes} == {scale}


def test_strongest_interactions_stand_on_top_and_words_in_their_order():
    words = ["so", "so", "good"]
    rows = [("output", "interaction", "good", 0.5, "and"), ("output", "interaction", "so | good", -2.0, "or")]
    rows += [
        ("output", "shapley", "good", 3.0, ""),
        ("output", "shapley", "so", 1.0, ""),
        ("output", "shapley", "so", 2.0, ""),
    ]
    frame = pd.DataFrame(rows, columns=["place", "what", "name", "value", "kind"])
    effects, shapley, gradients = plots.paper_attributions(frame, words).axes
    assert [text.get_text() for text in effects.get_yticklabels()] == ["so | good", "good"]
    assert [bar.get_width() for bar in effects.patches] == [-2.0, 0.5]
    assert [bar.get_width() for bar in shapley.patches] == [1.0, 2.0, 3.0]
    assert [text.get_text() for text in gradients.texts] == ["no value"] * 3
    assert [axes.get_title(loc="left") for axes in (effects, shapley)] == ["strongest interactions", "Shapley values"]
    assert effects.get_xlabel() == "effect on the score (nats)"


def test_at_most_eight_interactions():
    figure = plots.paper_attributions(attributions(), attributions()["name"].iloc[12:22].tolist())
    assert len(figure.axes[0].patches) == 8


def test_kappa_sorts_by_its_reference():
    axes = sparsity_plots.paper_kappa(kappas()).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    (black,) = (line for name, line in lines.items() if name.startswith("κ = 0.04"))
    assert (np.diff(black.get_ydata()) <= 0).all()
    assert {"κ = 0.02", "κ = 0.03", "κ = 0.05", "κ = 0.08"} <= set(lines)
    assert not black.get_rasterized()
    many = sparsity_plots.paper_kappa(kappas(ranks=1500)).axes[0]
    assert many.lines[0].get_rasterized()


def test_boxes_stand_at_their_quantiles():
    frame = noise(2)
    (axes,) = plots.paper_noise_share(frame).axes
    box = axes.patches[0].get_path().vertices
    assert box[:, 1].min() == pytest.approx(frame["q25"][0])
    assert box[:, 1].max() == pytest.approx(frame["q75"][0])
    assert axes.lines[4].get_ydata().tolist() == [0.055, 0.055]  # after two whiskers and two caps


def test_counts_show_their_mean_beside_the_papers():
    frame = pd.DataFrame(
        {"setting": "0.04", "group": "kappa", "network": "net", "count": [1.0, 2.0, 6.0], "paper": 21.8}
    )
    (axes,) = sparsity_plots.paper_counts(frame).axes
    assert {text.get_text() for text in axes.texts} == {"3.0", "paper: 21.8"}
    assert [21.8, 21.8] in [list(line.get_xdata()) for line in axes.lines]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["kappa: 0.04"]
    assert axes.get_xscale() == "linear"


@pytest.mark.parametrize(("counts", "scale"), [([10.0, 60.0], "linear"), ([0.0, 2.0, 90.0], "symlog")])
def test_counts_may_be_zero_and_far_apart(counts, scale):
    frame = pd.DataFrame({"setting": "a", "group": "g", "network": "net", "count": counts, "paper": np.nan})
    figure = sparsity_plots.paper_counts(frame)
    assert figure.axes[0].get_xscale() == scale
    draw(figure)
    assert not any("math" in text.get_text() for text in figure.axes[0].get_xticklabels())


def test_four_settings_of_one_name_in_two_groups_are_two_rows():
    figure = sparsity_plots.paper_counts(pd.concat([counted(), counted().assign(group="other")]))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(labels) == len(set(labels)) == 16


def test_numbers_of_samples():
    assert of_samples(pd.DataFrame({"n": [5.0, np.nan]})) == "n = 5 samples"
    assert of_samples(pd.DataFrame({"n": [5, 7]})) == "n = 5 to 7 samples"
    assert not wide([])
    assert not wide([-1.0, 100.0])


def test_one_network_is_enough():
    one = dict(list(FEW.items())[:1])
    for figure in (sparsity_plots.paper_strengths(sorted_curves(one)), plots.paper_ratios(by_layer(one), "and")):
        draw(figure)
        assert [panel.get_title(loc="left") for panel in figure.axes if panel.get_title(loc="left")] == list(one)


def test_the_papers_mean_far_from_the_counts_leaves_room_for_the_panels():
    frame = pd.DataFrame(
        [
            {"group": group, "setting": setting, "network": network, "count": count, "paper": 45.6}
            for group, setting in (("threshold", "per sample"), ("kappa", "κ = 0"))
            for network in "abc"
            for count in (1, 3)
        ]
    )
    figure = sparsity_plots.paper_counts(frame)
    figure_image(figure)  # would warn that the axes collapsed
    assert figure.axes[0].get_xlim()[1] > 45.6
