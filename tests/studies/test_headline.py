"""The three sentences at the top: only what the differences show, with every line's numbers."""

import pandas as pd
import pytest

from lk.metrics.intervals import jackknife
from lk.studies.alignment import align
from lk.studies.differences import common_epoch, difference_table, held_at, questions
from lk.studies.grouping import lines_of
from lk.studies.headline import headline, heads_of, verdict
from tests.helpers.run_folders import write_run


def rows(*pairs, level="architectures"):
    """Differences of pairs (a, b, difference, p)."""
    return pd.DataFrame(
        [{"a": a, "b": b, "difference": d, "p_holm": p, "marked": False, "level": level} for a, b, d, p in pairs]
    )


@pytest.fixture
def head(tmp_path):
    """The question what: a small share of single players is complex."""
    runs = [write_run(tmp_path / str(seed), seed=seed, training_seed=seed) for seed in range(2)]
    return heads_of(align(runs))[0]


NAMED = {"x": "x", "y": "y ‡", "z": "z"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            rows(("x", "y", -0.3, 0.01), ("x", "z", -0.4, 0.01), ("y", "z", -0.1, 0.5)),
            "x learns the most complex interactions.",
        ),
        (
            rows(("x", "y", -0.3, 0.2), ("x", "z", -0.4, 0.01), ("y", "z", -0.1, 0.01)),
            "x learns more complex interactions than z; y ‡ learns more complex interactions than z. No other "
            "difference is shown.",
        ),
        (
            rows(("x", "y", -0.3, 0.2), ("x", "z", -0.4, 0.3), ("y", "z", -0.1, 0.5)),
            "No difference between the architectures is shown.",
        ),
        (
            rows(("z", "x", 0.4, 0.01), ("z", "y", 0.3, 0.06), ("y", "x", 0.1, 0.9)),
            "x learns more complex interactions than z. No other difference is shown.",
        ),
        (
            rows(("x", "y", -0.3, 0.01), ("x", "z", -0.4, 0.01), ("y", "z", -0.1, 0.5), level="runs"),
            "Of these runs, x learns the most complex interactions.",
        ),
        (
            rows(("x seed 0", "x seed 1", -0.3, 0.01)),
            "No architecture is ranked, for one has fewer than three training seeds.",
        ),
    ],
)
def test_the_verdict(head, found, said):
    assert verdict(head, ["x", "y", "z"], NAMED, found) == said


def test_marked_layers_are_not_judged(head):
    found = rows(("x", "y", -0.3, 0.01), ("x", "z", -0.4, 0.01)).assign(marked=True)
    assert verdict(head, ["x", "y", "z"], NAMED, found) == "Not judged because of marked layers (†)."


def test_three_sentences_with_numbers(tmp_path):
    runs = [
        write_run(
            tmp_path / f"{name}-{s}", seed=9 * s + len(name), training_seed=s, network=f"lk.networks.{name}", samples=8
        )
        for name in ("MLP", "VGG11")
        for s in range(3)
    ]
    aligned = align(runs)
    found = headline(aligned, lines_of(aligned), difference_table(aligned), {"VGG11"})
    assert [text.split(":")[0] for text in found] == ["What", "Where", "When"]
    assert all(" % in MLP" in text and " % in VGG11 ‡" in text for text in found)
    assert "that the output holds at epoch 0.3: " in found[2]


def test_when_is_asked_at_the_first_common_checkpoint_after_an_epoch(tmp_path):
    def of(name, *epochs):
        steps = {10 * place: epoch for place, epoch in enumerate(epochs)}
        return write_run(tmp_path / name, seed=len(name), steps=steps)

    one, two = of("one", 0.0, 0.25, 1.0, 2.0, 4.0), of("other", 0.0, 0.25, 2.0, 3.0)
    assert common_epoch(align([one, two])) == 2.0
    early = of("early", 0.0, 0.25, 3.0)
    assert common_epoch(align([one, early])) == 0.25  # none after an epoch
    never = of("never", 0.0, 3.0)
    aligned = align([one, never])
    assert common_epoch(aligned) is None
    assert [head.word for head in heads_of(aligned)] == ["What", "Where"]
    assert not any("epoch" in question.name for question in questions(aligned))


def test_what_is_held_early_is_measured_once(tmp_path):
    aligned = align([write_run(tmp_path / str(seed), seed=seed) for seed in range(2)])
    found = held_at(aligned, jackknife(6), 0.25)
    assert found.shape == (7, 2)
    course = aligned.members[1].course
    assert course is aligned.members[1].course
    assert found[0, 1] == course[1].layers[0, 3, -1]
    assert course[-1].layers[0, 3, -1] == pytest.approx(1)  # the finished output holds itself
