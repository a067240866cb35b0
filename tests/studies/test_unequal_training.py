"""A run or architecture that was trained less is named, with the numbers."""

import pytest

from lk.studies.alignment import align
from lk.studies.grouping import by_architecture, lines_of
from lk.studies.unequal_training import Trained, on_unequal, trained, unequal
from tests.helpers.run_folders import write_run


def line(epochs=25.0, accuracy=0.97, samples=360):
    return Trained((epochs, epochs), (accuracy, accuracy, accuracy), samples)


def test_the_reported_case():
    """Ten epochs at 82 % beside twenty-five at 97 and 99 %."""
    found = unequal({"MLP": line(), "CNN": line(accuracy=0.99), "ViT": line(10.0, 0.82)})
    assert found == {"ViT": "10 epochs (the longest training: 25), test accuracy 82.0 % (the best: 99.0 %)"}
    text = on_unequal(found)
    assert text.startswith("‡ Unequal training: ViT: 10 epochs")
    assert text.endswith("What sets it apart may be the training, not the architecture.")


@pytest.mark.parametrize(
    ("other", "flagged"),
    [
        (line(), False),
        (line(epochs=20.0), False),  # 80 % of the longest
        (line(epochs=19.0), True),
        (line(accuracy=0.93), False),  # four points
        (line(accuracy=0.91), True),
        (line(accuracy=0.87, samples=20), False),  # so few samples do not show it
        (line(accuracy=0.87)._replace(samples=None), True),
        (line()._replace(accuracy=None), False),
    ],
)
def test_where_the_line_is_drawn(other, flagged):
    assert ("other" in unequal({"best": line(), "other": other})) == flagged


def test_equal_training_is_not_mentioned():
    assert on_unequal(unequal({"a": line(), "b": line()})) == ""
    assert on_unequal(unequal({"a": Trained((2, 2), None, None), "b": Trained((2, 2), None, None)})) == ""


def test_one_seed_that_stopped_early_marks_its_architecture(tmp_path):
    runs = [write_run(tmp_path / f"mlp-{s}", seed=s, training_seed=s) for s in range(2)]
    runs.append(write_run(tmp_path / "mlp-2", seed=2, training_seed=2, steps={0: 0.0, 2: 0.25}))
    runs += [write_run(tmp_path / f"vgg-{s}", seed=s, training_seed=s, network="lk.networks.VGG11") for s in range(3)]
    aligned = align(runs)
    found = trained(aligned, lines_of(aligned))
    assert found["MLP"].epochs == (0.25, 2.0)
    assert found["MLP"].accuracy == pytest.approx((0.9, 0.9, 0.9))
    assert found["MLP"].samples == 50
    assert unequal(found) == {"MLP": "0.3 epochs (the longest training: 2)"}
    assert set(by_architecture(aligned.members)) == {"MLP", "VGG11"}
