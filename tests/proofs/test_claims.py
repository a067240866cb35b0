"""Inputs on which a claim of the proofs is false: each test fails where the fault stands, and says why."""

import json
import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch

from lk.certification.proving import certify_network
from lk.groups import Cyclic
from lk.networks import GroupNetwork
from lk.proofs import (
    PRECISIONS,
    Certificate,
    Factors,
    FourierExplanation,
    GSetExplanation,
    SidedCircuit,
    Tables,
    brute_force,
    cascade,
    executed,
    gset,
    irrep,
    save_explanation,
    save_network,
    schur,
    separable,
    tables_of,
)

Z1, Z3 = Cyclic(1), Cyclic(3)


def exact_gaps(tables, group):
    """Gaps of all pairs of a ReLU network without factors, in fractions and without the package."""
    left, right, unembed = (
        [[Fraction(float(v)) for v in row] for row in table] for table in (tables.left, tables.right, tables.unembed)
    )
    bias = [Fraction(float(v)) for v in tables.bias]
    gaps = np.empty((group.order,) * 2, object)
    for x, y in np.ndindex(gaps.shape):
        hidden = [max(a + b, Fraction(0)) for a, b in zip(left[x], right[y], strict=True)]
        logits = [
            sum(u * h for u, h in zip(row, hidden, strict=True)) + b for row, b in zip(unembed, bias, strict=True)
        ]
        z = int(group.table[x, y])
        gaps[x, y] = logits[z] - max(logit for other, logit in enumerate(logits) if other != z)
    return gaps


def one_sided():
    """A network that computes one circuit of the left side exactly.

    Right on 3 of 9 pairs, those whose y is the identity.
    """
    numbers = (np.array([[2.0, -2.0, -3.0]]), np.array([[-1.0, -1.0, 2.0]]), np.array([[0.0, -3.0, -1.0]]))
    points, ones = np.arange(3), np.ones(3)
    part = SidedCircuit(Z3.table.copy(), *numbers, points, points, np.zeros(3, np.int64), ones, ones, "left")
    return Tables(*part.tables(Z3), np.zeros(3)), part


@pytest.mark.parametrize("place", ["circuits", "signs"])
@pytest.mark.parametrize("verifier", [irrep, separable, gset, cascade])
def test_a_circuit_of_one_side_among_those_of_two_certifies_no_wrong_pair(verifier, place):
    """`build` asks for the type of a part, not for the field it stands in.

    `irrep` and `separable` evaluate the margin at (e, e) alone.
    """
    tables, part = one_sided()
    explanation = GSetExplanation((part,) if place == "circuits" else (), (part,) if place == "signs" else (), 3, 3)
    gaps = exact_gaps(tables, Z3)
    found = verifier(tables, Z3, explanation)
    assert all(
        not np.isfinite(slack) or Fraction(float(slack)) <= gaps[pair] for pair, slack in np.ndenumerate(found.slack)
    )
    assert found.accuracy in (None, (gaps > 0).mean())


@pytest.fixture
def stored(tmp_path):
    """A network with the certificates of `schur` and of a cascade that used its explanation."""
    rng = np.random.default_rng(0)
    tables = Tables(*rng.normal(size=(3, 3, 4)), np.zeros(3))
    explanation = FourierExplanation((np.ones((3, 1, 1)),), 3, 4)
    save_network(tables, Z3, tmp_path)
    save_explanation(explanation, tmp_path / "schur")
    schur(tables, Z3, explanation).save(tmp_path / "schur", "relu")
    cascade(tables, Z3, fourier=explanation).save(tmp_path / "cascade", "relu")
    return tmp_path


def test_a_certificate_whose_format_was_removed_is_refused(stored):
    """Without the entry `format` nothing is checked: accuracy, verifier, margin and slack may then be anything."""
    path = stored / "schur" / "certificate.json"
    data = json.loads(path.read_text()) | {"accuracy": 1.0, "verifier": "brute_force", "margin": 99.0}
    del data["format"]
    path.write_text(json.dumps(data))
    Certificate("x", np.full((3, 3), 5.0), 1, 27, 0.0).save(stored / "other", "relu")
    (stored / "other" / "slack.safetensors").replace(stored / "schur" / "slack.safetensors")
    with pytest.raises(ValueError, match="certificate"):
        Certificate.load(stored / "schur")


def test_a_cascade_notices_another_explanation(stored):
    """It used the explanations of its neighbours and names none of them."""
    (stored / "schur" / "explanation.json").write_text("{}")
    with pytest.raises(ValueError, match="explanation"):
        Certificate.load(stored / "cascade")


def written_and_read(slack, folder, activation):
    """A certificate of this slack after a way over the disk."""
    Certificate("x", slack, 1, 1, 0.0).save(folder, activation)
    return Certificate.load(folder)


@pytest.mark.parametrize(("order", "activation"), [(7, "relu"), (3, "abs")])
def test_a_certificate_of_another_order_or_activation_than_its_network_is_refused(stored, order, activation):
    """A certificate that fits nothing about the network beside it is written and read."""
    with pytest.raises(ValueError, match="network"):
        written_and_read(np.ones((order, order)), stored / "other", activation)


def test_a_certificate_that_names_no_network_is_refused(tmp_path):
    """Its entry `files` leaves out what is not there when it is written, the network too."""
    with pytest.raises(ValueError, match="network"):
        written_and_read(np.ones((3, 3)), tmp_path / "alone", "relu")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("width", "embedding"), [(8_400, 1), (2, 8_400), (16_800, 1), (2, 16_800), (2, 0)])
def test_no_shape_is_too_wide_or_narrow_to_be_executed(precision, width, embedding):
    """`gamma` raises from 8,385 float32 roundings on (16,770 without truncation); maxima over no factors raise."""
    factors = Factors(*[np.ones(shape) for shape in ((3, embedding), (embedding, width)) * 2])
    tables = Tables.fold(factors, np.zeros((3, width)), np.array([2.0, 1.0, 0.0]))
    assert (executed(tables, np.zeros((3, 3)), precision) <= 0.0).all()


def test_a_wide_embedding_does_not_end_a_certification():
    """The same through the user's command: the bound of the executed network stands outside `attempt`."""
    network = GroupNetwork(3, width=4, embedding=8_400)
    tables = tables_of({name: parameter[0].detach() for name, parameter in network.stored().items()}, "relu")
    frames, _ = certify_network(tables, Z3, np.eye(3, dtype=bool), ("brute_force",))
    assert not frames["certificates"]["failed"].any()


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (3, 1)])
def test_slack_of_another_shape_is_not_spread_over_all_pairs(shape):
    """One row of slack is taken for every row: pairs of which nothing is known become certified."""
    tables = Tables(np.eye(3), np.eye(3), np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match="slack"):
        executed(tables, np.ones(shape), "float32")


def test_overflow_of_float32_warns_of_nothing():
    """The right logit overflows to minus infinity, its bound to infinity.

    Their sum is invalid, outside of `errstate`.
    """
    unembed = np.zeros((3, 256))
    unembed[0] = -(2.0**60)
    large = np.full((3, 256), 2.0**60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert brute_force(Tables(large, large, unembed, np.zeros(3)), Z3).accuracy == 0.0


def test_schur_and_the_cascade_on_the_trivial_group():
    """There are no classes besides the identity's, and no array to stack."""
    tables = Tables(np.ones((1, 2)), np.ones((1, 2)), np.ones((1, 2)), np.zeros(1))
    explanation = FourierExplanation((np.ones((1, 1, 1)),), 1, 2)
    assert not np.isnan(schur(tables, Z1, explanation).slack).any()
    assert cascade(tables, Z1, fourier=explanation).accuracy == 1.0


def test_no_pairs_at_all():
    """The constant F is the mean of no pairs, with a warning."""
    tables = Tables(np.eye(3), np.eye(3), np.eye(3), np.zeros(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = schur(tables, Z3, FourierExplanation((np.ones((3, 1, 1)),), 3, 3), np.zeros(0, np.int64))
    assert (found.slack == -np.inf).all()


def test_a_loss_is_never_bounded_by_zero():
    """log(1 + 2 exp(-800)) is positive; exp(-800) underflows, which a factor of 1 + 1e-9 does not cover."""
    assert Certificate("x", np.full((3, 3), 800.0), 1, 1, 0.0).loss_bound > 0.0


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.complex64])
def test_parameters_that_float32_cannot_hold_are_refused(dtype):
    """float64 alone is refused: 2^24 + 1 is stored as 2^24, a right answer becomes a tie; imaginary parts are lost."""
    zeros, bias = torch.zeros(3, 2, dtype=dtype), torch.tensor([2**24 + 1, 2**24, 2**24], dtype=torch.int64).to(dtype)
    with pytest.raises(ValueError, match="float32"):
        tables_of({"embed_left": zeros, "embed_right": zeros, "unembed": zeros, "bias": bias}, "relu")
