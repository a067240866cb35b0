"""Inputs at the ends of the range of floats.

Nothing may be certified that is not true, and nothing may be called wrong that is right.
"""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import torch

from lk.finders import circuit
from lk.groups import Affine, Cyclic, Quaternion, Symmetric, coset_action, irreps
from lk.proofs import (
    Certificate,
    Factors,
    FourierExplanation,
    GSetExplanation,
    LookupExplanation,
    Tables,
    brute_force,
    cascade,
    gset,
    irrep,
    lookup,
    schur,
    separable,
    tables_of,
)
from lk.proofs.decide import indices_of
from lk.proofs.rounding import check_arithmetic

GROUPS = {"Z3": Cyclic(3), "Z4": Cyclic(4), "Q8": Quaternion(8), "affine": Affine(5), "S3": Symmetric(3)}


def silent(group, scale, activation="relu"):
    """A network with zero logits, explained by one circuit on the group itself with a kernel of given scale."""
    rng, n = np.random.default_rng(0), group.order
    lam = rng.normal(size=n)
    lam -= lam.mean()
    part = circuit(coset_action(group, np.array([group.identity])), lam, lam, np.eye(n) * scale)
    left, right, _ = part.tables(group)
    tables = Tables(left, right, np.zeros_like(left), np.zeros(n), activation)
    return tables, GSetExplanation((part,), (), n, tables.width)


@pytest.mark.parametrize("exponent", [-1000, -690, -600, -545, -500, -400, -300, -200, -100, 0, 60, 500])
@pytest.mark.parametrize("name", ["Z3", "Z4", "Q8", "affine"])
def test_squares_that_underflow_certify_nothing(name, exponent):
    """All logits are equal, so that no pair is right.

    The explanation claims a margin far below the root of the smallest float.
    """
    group = GROUPS[name]
    for activation in ("relu", "abs", "square"):
        tables, explanation = silent(group, -(2.0**exponent), activation)
        matrices = tuple(r.matrices * min(2.0**exponent, 1.0) for r in irreps(group)[1:])
        fourier = FourierExplanation(matrices, group.order, tables.width)
        found = [
            gset(tables, group, explanation),
            irrep(tables, group, explanation),
            separable(tables, group, explanation),
            schur(tables, group, fourier),
            cascade(tables, group, explanation, fourier),
        ]
        if exponent <= 60:
            values = np.eye(group.order)[:, :, None].repeat(tables.width, 2)[0] * 2.0**exponent
            found.append(
                lookup(tables, group, LookupExplanation(np.zeros((group.order, 1), int), values[:1], np.zeros(1)))
            )
        assert [certificate.bound for certificate in found] == [0.0] * len(found)


def test_small_sizes_of_neurons_are_refused():
    tables, explanation = silent(GROUPS["Z3"], -1.0)
    part = dataclasses.replace(explanation.circuits[0], scales=np.full(9, 2.0**-300))
    certificate = irrep(tables, GROUPS["Z3"], dataclasses.replace(explanation, circuits=(part,)))
    assert "at least 2^-60" in certificate.dropped[0]


@pytest.mark.parametrize("scale", [2.0**-74, 2.0**-30, 2.0**25])
def test_small_and_large_networks_are_certified(scale):
    """What is exact stays exact: products of a network's float32 numbers never underflow in float64."""
    group = GROUPS["S3"]
    rng = np.random.default_rng(1)
    action = coset_action(group, np.array([0, 1]))
    lam = rng.normal(size=3)
    part = circuit(action, lam, lam, 0.1 - np.eye(3))
    left, right, unembed = part.tables(group)
    tables = Tables(left * scale, right * scale, unembed * scale, np.zeros(6))
    part = dataclasses.replace(part, lam=part.lam * scale, mu=part.mu * scale, kernel=part.kernel * scale)
    explanation = GSetExplanation((part,), (), 6, 9)
    truth = brute_force(tables, group)
    assert truth.accuracy == 1.0
    assert gset(tables, group, explanation).bound == irrep(tables, group, explanation).bound == 1.0


def test_the_gap_of_a_wrong_pair_is_the_least():
    """Two rivals beat the answer, one of them by 2^61: the slack is of the worse one, and so is the loss."""
    unembed = np.array([[2.0**60, 0.0, -(2.0**60)], [2.0**60, 0.0, -(2.0**60)], [2.0**60, 100.0, -(2.0**60)]])
    group = GROUPS["Z3"]
    tables = Tables(np.ones((3, 3)), np.zeros((3, 3)), unembed, np.zeros(3))
    certificate = brute_force(tables, group)
    expected = np.where(group.table == 2, 100.0, -100.0)
    assert (certificate.slack <= expected).all()
    assert certificate.slack == pytest.approx(expected)
    assert certificate.loss_bound >= (6 * 100.0 + 3 * 0.0) / 9


def test_slack_is_never_above_the_exact_gap():
    """Ties and near ties of large numbers, against fractions."""
    group, rng = GROUPS["Z4"], np.random.default_rng(0)
    for case in range(60):
        left, right = rng.integers(-3, 4, size=(2, 4, 5)).astype(float)
        unembed = rng.integers(-2, 3, size=(4, 5)) * 2.0 ** rng.integers(-70, 60, size=(1, 5))
        activation = ("relu", "abs", "square")[case % 3]
        tables = Tables(left, right, unembed, np.zeros(4), activation)
        certificate = brute_force(tables, group)
        for x in range(4):
            for y in range(4):
                gap = exact_gap(
                    tables.left[x], tables.right[y], tables.unembed, tables.bias, int(group.table[x, y]), activation
                )
                assert Fraction(certificate.slack[x, y]) <= gap
                assert certificate.certified[x, y] == (gap > 0)


def exact_gap(left, right, unembed, bias, z, activation):
    act = {"relu": lambda t: max(t, 0), "abs": abs, "square": lambda t: t * t}[activation]
    h = [act(Fraction(float(a)) + Fraction(float(b))) for a, b in zip(left, right, strict=True)]
    logits = [
        sum((Fraction(float(u)) * v for u, v in zip(row, h, strict=True)), Fraction(float(b)))
        for row, b in zip(unembed, bias, strict=True)
    ]
    return logits[z] - max(logit for other, logit in enumerate(logits) if other != z)


def tie():
    """Stored parameters that tie everywhere; the product in float32 rounds 1 + 2^-25 to 1 and breaks the tie."""
    embed = torch.tensor([[1.0, 2.0**-12]] * 3)
    weight = torch.tensor([[1.0, 1.0], [0.0, 2.0**-13]])
    unembed = torch.tensor([[2.0**25 + 1, -(2.0**25)], [0.0, 0.0], [0.0, 0.0]])  # (2^25 + 1) 1 - 2^25 (1 + 2^-25) = 0
    assert unembed[0, 0] == 2.0**25  # float32 cannot hold it
    unembed[0] = torch.tensor([2.0**24 + 2, -(2.0**24)])
    bias = torch.tensor([-(2.0 - 2.0**-1) * 2, 0.0, 0.0])
    return {
        "embed_left": embed,
        "embed_right": embed * 1.0,
        "weight_left": weight,
        "weight_right": weight,
        "unembed": unembed,
        "bias": bias,
    }


def test_certificates_speak_of_the_stored_parameters():
    """Left and right are 1 and 1 + 2^-25 in exact numbers; the first logit is then exactly zero, as the others are."""
    group, parameters = GROUPS["Z3"], tie()
    tables = tables_of(parameters, "relu")
    inputs = Fraction(2), Fraction(2) + Fraction(1, 2**24)
    unembed, bias = parameters["unembed"].double().tolist(), parameters["bias"].double().tolist()
    first = Fraction(unembed[0][0]) * inputs[0] + Fraction(unembed[0][1]) * inputs[1] + Fraction(bias[0])
    assert first == 0
    assert brute_force(Tables(tables.left, tables.right, tables.unembed, tables.bias), group).accuracy == pytest.approx(
        1 / 3
    )
    assert tables.folding_x.max() > 0.25
    assert brute_force(tables, group).accuracy == 0.0
    for certificate in (
        gset(tables, group, GSetExplanation((), (), 3, 2)),
        cascade(tables, group, GSetExplanation((), (), 3, 2), rank=2),
        lookup(
            tables,
            group,
            LookupExplanation(np.arange(3)[:, None], tables.unembed.astype(float), tables.bias.astype(float)),
        ),
    ):
        assert certificate.bound == 0.0


@pytest.mark.parametrize("activation", ["relu", "abs", "square"])
def test_folding_bounds_hold_against_fractions(activation):
    """Each slack lies below the gap of the network before folding.

    The folding error is what float32 rounds, not much more.
    """
    group, rng = GROUPS["Z3"], np.random.default_rng(0)
    for _ in range(10):
        factors = Factors(*(rng.normal(size=shape) for shape in ((3, 4), (4, 5), (3, 4), (4, 5))))
        tables = Tables.fold(factors, rng.normal(size=(3, 5)), rng.normal(size=3), activation)
        inputs = []
        for side in ("left", "right"):
            embed, weight = (
                np.vectorize(lambda v: Fraction(float(v)), otypes=[object])(table) for table in factors.of(side)
            )
            inputs.append(embed @ weight)
        certificates = brute_force(tables, group), gset(tables, group, GSetExplanation((), (), 3, 5))
        for x in range(3):
            for y in range(3):
                act = {"relu": lambda t: max(t, 0), "abs": abs, "square": lambda t: t * t}[activation]
                h = [act(a + b) for a, b in zip(inputs[0][x], inputs[1][y], strict=True)]
                logits = [
                    sum((Fraction(float(u)) * v for u, v in zip(row, h, strict=True)), Fraction(float(b)))
                    for row, b in zip(tables.unembed, tables.bias, strict=True)
                ]
                z = int(group.table[x, y])
                gap = logits[z] - max(logit for other, logit in enumerate(logits) if other != z)
                assert all(
                    Fraction(certificate.slack[x, y]) <= gap
                    for certificate in certificates
                    if certificate.slack[x, y] > -np.inf
                )
        assert tables.folding_x.max() < 1e-4


def test_other_dtypes_strides_and_aliases():
    """Float64, integers, Fortran order, reversed views, aliased tables: the certificate of plain float32 copies."""
    group, rng = GROUPS["S3"], np.random.default_rng(0)
    table = rng.integers(-4, 5, size=(6, 7))
    plain = Tables(*(table.astype(np.float32) for _ in range(3)), np.zeros(6, np.float32))
    expected = brute_force(plain, group).slack
    wide = np.zeros((12, 14))
    wide[::2, ::-2] = table
    for given in (
        table,
        table.astype(np.float64),
        np.asfortranarray(table.astype(float)),
        wide[::2, ::-2],
        table.astype(np.longdouble),
    ):
        assert (brute_force(Tables(given, given, given, np.zeros(6)), group).slack == expected).all()
    before = plain.left.copy()
    gset(plain, group, GSetExplanation((), (), 6, 7))
    assert (plain.left == before).all()


def test_signed_zeros_and_denormals():
    """-0 is 0, and a network of denormals is decided exactly."""
    group = GROUPS["Z3"]
    eye = np.eye(3)
    small = np.float32(2.0**-149)
    first = brute_force(Tables(eye * small, eye * small, (eye + eye[[1, 2, 0]]) * small, np.zeros(3)), group)
    second = brute_force(
        Tables(np.where(eye > 0, small, -0.0), eye * small, (eye + eye[[1, 2, 0]]) * small, -np.zeros(3)), group
    )
    large = brute_force(Tables(eye, eye, eye + eye[[1, 2, 0]], np.zeros(3)), group)
    assert (first.slack == second.slack).all()
    assert (first.certified == large.certified).all()
    assert first.accuracy == large.accuracy > 0


def test_flushing_of_denormals_is_refused():
    tables, explanation = silent(GROUPS["Z3"], -1.0)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    try:
        with pytest.raises(RuntimeError, match="set_flush_denormal"):
            Tables(tables.left, tables.right, tables.unembed, tables.bias)
        for verify in (lambda: brute_force(tables, GROUPS["Z3"]), lambda: gset(tables, GROUPS["Z3"], explanation)):
            with pytest.raises(RuntimeError, match="set_flush_denormal"):
                verify()
    finally:
        torch.set_flush_denormal(False)
    check_arithmetic()


def test_wide_networks_are_decided_in_float64():
    """From 16 771 neurons on, float32 has no bound that says anything."""
    rng = np.random.default_rng(0)
    tables = Tables(*rng.normal(size=(3, 3, 17_000)), np.zeros(3))
    certificate = brute_force(tables, GROUPS["Z3"])
    left, right, unembed, _ = tables.doubles()
    logits = np.maximum(left[:, None] + right, 0) @ unembed.T
    assert certificate.accuracy == (logits.argmax(-1) == GROUPS["Z3"].table).mean()


def test_pairs_are_indices_and_nothing_else():
    tables, explanation = silent(GROUPS["Z3"], -1.0)
    group = GROUPS["Z3"]
    for pairs in (np.ones(9, bool), np.ones((3, 3), bool), np.array([0.0, 1.0]), np.array([9]), np.array([-1])):
        for verify in (
            brute_force,
            lambda t, g, p: gset(t, g, explanation, p),
            lambda t, g, p: irrep(t, g, explanation, p),
        ):
            with pytest.raises(ValueError, match="expected pairs as indices"):
                verify(tables, group, pairs)
    assert indices_of(group, np.array([], dtype=int)).tolist() == []


def test_overflow_of_float32_is_not_called_wrong():
    """The product of the correct row overflows to minus infinity in float32; the pair is right in exact numbers."""
    big = 2.0**60
    unembed = np.array([[-big, big], [-big, 0.0], [-big, 0.0]])
    tables = Tables(np.full((3, 2), big), np.full((3, 2), big), unembed, np.zeros(3), "square")
    certificate = brute_force(tables, GROUPS["Z3"])
    assert certificate.accuracy == pytest.approx(1 / 3)
    assert certificate.slack.max() > 2.0**180


def test_a_bound_above_the_accuracy_leaves_no_verifier():
    with pytest.raises(ValueError, match=r"at most the exact accuracy 0.5, got 1.0 from broken"):
        Certificate("broken", np.ones((2, 2)), 1, 1, 0.0, accuracy=0.5)
