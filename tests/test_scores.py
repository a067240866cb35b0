import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lk.scores import (
    Logit,
    NamedClass,
    OfActivation,
    PredictedClass,
    Score,
    TrueClass,
    Unit,
    check_labels,
    class_numbers,
    log_odds,
    predicted,
)

numbers = st.floats(-30, 30, allow_nan=False, width=32)


@settings(deadline=None, max_examples=50)
@given(st.lists(numbers, min_size=2, max_size=6), st.integers(0, 5))
def test_log_odds_are_those_of_the_softmax(logits, target):
    target %= len(logits)
    row = torch.tensor([logits], dtype=torch.float64)
    p = row.softmax(1)[0]
    others = sum(q for i, q in enumerate(p) if i != target)
    assert log_odds(row, torch.tensor([target])).item() == pytest.approx(
        float(p[target].log() - others.log()), abs=1e-9
    )


def test_log_odds_stay_finite_where_probabilities_round_to_0_and_1():
    logits = torch.tensor([[1000.0, -1000.0, 0.0]])
    assert log_odds(logits, torch.tensor([0])).tolist() == [1000.0]
    assert log_odds(logits, torch.tensor([1])).tolist() == [-2000.0]


def test_log_odds_of_two_classes_is_the_difference_of_logits():
    logits = torch.randn(5, 2)
    assert torch.equal(log_odds(logits, torch.ones(5).long()), logits[:, 1] - logits[:, 0])


def test_single_column_is_the_logit_of_class_1():
    logits, y = torch.tensor([[2.0], [3.0], [-4.0]]), torch.tensor([1, 0, 1])
    assert log_odds(logits, y).tolist() == [2.0, -3.0, -4.0]
    assert Logit()(logits, y).tolist() == [2.0, -3.0, -4.0]
    assert predicted(logits).tolist() == [1, 1, 0]
    assert PredictedClass().choose(logits, y).tolist() == [1, 1, 0]
    assert NamedClass(1).choose(logits, y).tolist() == [1, 1, 1]


def test_what_each_score_chooses_and_gives():
    logits, y = torch.tensor([[1.0, 5.0, 2.0], [4.0, 0.0, 1.0]]), torch.tensor([2, 0])
    assert TrueClass().choose(logits, y).tolist() == [2, 0]
    assert PredictedClass().choose(logits, y).tolist() == [1, 0]
    assert NamedClass(2).choose(logits, y).tolist() == [2, 2]
    assert torch.equal(TrueClass()(logits, y), log_odds(logits, y))
    assert Logit()(logits, y).tolist() == [2.0, 4.0]
    assert OfActivation(lambda a, t: a.sum(1) + t)(logits, y).tolist() == [10.0, 5.0]


@pytest.mark.parametrize("score", [TrueClass(), PredictedClass(), NamedClass(0), Logit()])
def test_scores_of_logits_read_probes(score):
    assert isinstance(score, Score)
    assert score.reads == "logits"
    assert OfActivation(torch.sum).reads == "activation"


@pytest.mark.parametrize(("columns", "label", "last"), [(3, 3, 2), (3, -1, 2), (1, 2, 1)])
def test_named_class_out_of_range(columns, label, last):
    with pytest.raises(
        ValueError, match=f"expected label from 0 to {last}, as the network has {last + 1} classes, got label={label}"
    ):
        NamedClass(label).choose(torch.zeros(2, columns), torch.zeros(2).long())


def test_labels_out_of_range_name_the_first():
    check_labels(torch.tensor([0, 2]), 3)
    with pytest.raises(ValueError, match="expected labels from 0 to 2, got label 7 at place 1 of 3"):
        check_labels(torch.tensor([0, 7, -1]), 3)
    with pytest.raises(ValueError, match="got label -1 at place 0 of 1"):
        check_labels(torch.tensor([-1]), 3)


# ---- one unit
def test_unit_of_vectors_maps_and_tokens():
    y = torch.tensor([0, 1])
    assert Unit(2)(torch.arange(8.0).reshape(2, 4), y).tolist() == [2, 6]
    maps = torch.arange(16.0).reshape(2, 2, 2, 2)
    assert Unit(1)(maps, y).tolist() == [5.5, 13.5]  # channel 1 is 4 5 6 7, then 12 13 14 15
    tokens = torch.tensor([[[1.0, 10.0], [2.0, 20.0], [3.0, 60.0]], [[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]])
    assert Unit(1)(tokens, y).tolist() == [30, 2]
    assert Unit(0).reads == "activation"


def test_unit_scores_the_output_for_the_label():
    logits, y = torch.tensor([[1.0, 5.0, 2.0], [4.0, 0.0, 1.0]]), torch.tensor([2, 0])
    assert torch.equal(Unit(40).at_output(logits, Unit(40).choose(logits, y)), log_odds(logits, y))
    with pytest.raises(ValueError, match="expected labels from 0 to 2, got label 3 at place 1 of 2"):
        Unit(0).choose(logits, torch.tensor([0, 3]))


@pytest.mark.parametrize("score", [TrueClass(), Logit(), OfActivation(lambda a, t: a.sum(1) + t)])
def test_other_scores_take_the_output_for_a_layer(score):
    logits, y = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    assert torch.equal(score.at_output(logits, y), score(logits, y))


@pytest.mark.parametrize(("shape", "units"), [((2, 3), 3), ((2, 3, 4, 4), 3), ((2, 5, 3), 3)])
def test_unit_that_a_layer_lacks(shape, units):
    with pytest.raises(
        ValueError, match=rf"expected index from 0 to {units - 1} in activations of shape .*got index=3. Set `layers`"
    ):
        Unit(3)(torch.zeros(shape), torch.zeros(2).long())
    with pytest.raises(ValueError, match="expected index of a unit from 0, got index=-1"):
        Unit(-1)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.uint8, torch.float32, torch.float64, torch.bool])
def test_class_numbers_of_any_type(dtype):
    assert torch.equal(class_numbers(torch.tensor([0, 1, 1]).to(dtype)), torch.tensor([0, 1, 1]))


@pytest.mark.parametrize(
    "labels", [torch.tensor([0.0, 1.5]), torch.tensor([torch.nan, 0]), torch.zeros(3, 2), torch.tensor(1)]
)
def test_labels_that_are_no_class_numbers(labels):
    with pytest.raises(ValueError, match=r"expected (whole|one) class number"):
        class_numbers(labels)
