"""Silent neurons cost what they may do and no less; bounds with them are those without them, for less."""

from fractions import Fraction

import numpy as np
import pytest

from lk.finders import circuit, find_fourier, find_gset, find_lookup, ideal
from lk.groups import Cyclic, Symmetric
from lk.proofs import GSetExplanation, Tables, brute_force, gset, irrep, lookup, lowrank, schur
from lk.proofs.activation import apply
from lk.proofs.silent import silence

S3 = Symmetric(3)
ACTIVATIONS = ("relu", "abs", "square")


def network(rng, activation, scale, silent=5, others=4, n=6):
    """Random neurons, some of them tiny: by left and right, by the unembedding, or by both."""
    arrays = [rng.normal(size=(n, silent + others)) for _ in range(3)]
    which = rng.integers(3, size=silent)
    for array, small in zip(arrays, (which != 1, which != 1, which != 0), strict=True):
        array[:, :silent] *= np.where(small, scale, 1.0)
    arrays[1][:, :silent] *= rng.choice([0.0, 1.0, -1.0], size=silent)
    return Tables(*arrays, rng.normal(size=n), activation)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("exponent", [-10, -14, -40, -120, -148])
def test_the_cost_is_at_least_what_silent_neurons_do(activation, exponent):
    """In exact fractions, for every pair and every wrong answer."""
    rng = np.random.default_rng(exponent % 97)
    tables = network(rng, activation, 2.0**exponent)
    silent = silence(tables)
    mute = np.setdiff1d(np.arange(tables.width), silent.kept)
    assert len(mute) >= (exponent < -13)
    left, right, unembed = (
        np.array([[Fraction(float(v)) for v in row] for row in t[:, mute]], dtype=object).reshape(6, -1)
        for t in (tables.left, tables.right, tables.unembed)
    )
    for x, y in np.ndindex(6, 6):
        h = np.array(
            [apply(v, activation) if activation != "relu" else max(v, 0) for v in left[x] + right[y]], dtype=object
        )
        logits = [sum(row * h, Fraction(0)) for row in unembed]
        cost = Fraction(float(silent.cost_x[x])) + Fraction(float(silent.cost_y[y]))
        assert max(logits) - min(logits) <= cost


def test_what_is_kept():
    rng = np.random.default_rng(0)
    tables = network(rng, "relu", 1e-9)
    silent = silence(tables)
    assert silent.kept.tolist() == [5, 6, 7, 8]
    assert (silent.rest.left == tables.left[:, 5:]).all()
    assert silence(tables, np.array([1, 2])).kept.tolist() == [1, 2, 5, 6, 7, 8]
    zero = Tables(*(np.zeros((6, 3)),) * 3, np.zeros(6))
    assert len(silence(zero).kept) == 1
    assert (
        silence(Tables(*(np.ones((6, 3)),) * 3, np.zeros(6))).rest.width == 1
    )  # a constant unembedding moves all logits alike


def verifiers(tables, group):
    circuits, fourier, looked_up = (
        find_gset(tables, group)[0],
        find_fourier(tables, group)[0],
        find_lookup(tables, group)[0],
    )
    yield "gset", lambda pairs=None: gset(tables, group, circuits, pairs)
    yield "irrep", lambda pairs=None: irrep(tables, group, circuits, pairs)
    yield "schur", lambda pairs=None: schur(tables, group, fourier, pairs)
    yield "lookup", lambda pairs=None: lookup(tables, group, looked_up, pairs)
    yield "lowrank", lambda pairs=None: lowrank(tables, group, 2, pairs)


@pytest.mark.parametrize("seed", range(12))
def test_silent_neurons_that_decide_are_not_believed(seed):
    """All other neurons tie, so that the tiny ones alone decide every pair: no bound may take them for nothing."""
    rng = np.random.default_rng(seed)
    tables = network(rng, ACTIVATIONS[seed % 3], 2.0 ** -rng.integers(11, 60))
    unembed = np.array(tables.unembed)
    unembed[:, 5:] = rng.normal(size=(1, 4))
    tables = Tables(tables.left, tables.right, unembed, np.zeros(6), tables.activation)
    truth = brute_force(tables, S3)
    left, right, unembed, _ = tables.doubles()
    logits = apply(left[:, None] + right, tables.activation) @ (unembed - unembed.mean(0)).T
    correct = np.take_along_axis(logits, S3.table[..., None], -1)[..., 0]
    np.put_along_axis(logits, S3.table[..., None], -np.inf, -1)
    for name, verify in verifiers(tables, S3):
        certificate = verify()
        assert not (certificate.certified & ~truth.certified).any(), name
        assert (certificate.slack <= correct - logits.max(-1) + 1e-13).all(), name


@pytest.mark.parametrize("verifier", ["gset", "irrep", "schur", "lookup", "lowrank"])
def test_silent_neurons_lower_the_cost_and_not_the_bound(verifier):
    rng = np.random.default_rng(3)
    clean = np.hstack([np.eye(6), -np.eye(6)])
    left, right = (clean + 0.01 * rng.normal(size=clean.shape) for _ in range(2))
    group = Cyclic(6)
    unembed = np.concatenate([np.roll(np.eye(6), k, axis=0)[:, :1] for k in range(6)] * 2, axis=1) + 0.1 * rng.normal(
        size=(6, 12)
    )
    loud = Tables(left, right, unembed, np.zeros(6))
    extra = [1e-9 * rng.normal(size=(6, 30)) for _ in range(3)]
    whole = Tables(*(np.hstack(pair) for pair in zip((left, right, unembed), extra, strict=True)), np.zeros(6))
    alone, beside = (dict(verifiers(tables, group))[verifier]() for tables in (loud, whole))
    assert beside.bound >= alone.bound
    assert beside.operations < 1.6 * alone.operations  # of 3.5 times as many neurons
    np.testing.assert_allclose(beside.slack, alone.slack, atol=1e-3)


def test_pairs_that_silence_leaves_open_are_evaluated_again():
    """Two loud neurons tie, and a silent one decides for the answer 0.

    Its own cost hides that until all are evaluated.
    """
    group = Cyclic(2)
    left = np.tile([1.0, 1.0, 1e-3], (2, 1))
    tables = Tables(left, np.zeros((2, 3)), np.array([[1.0, 0.0, 1e-6], [0.0, 1.0, 0.0]]), np.zeros(2))
    assert silence(tables).kept.tolist() == [0, 1]
    truth = brute_force(tables, group)
    certificate = gset(tables, group, GSetExplanation((), (), 2, 3))
    assert (certificate.certified == truth.certified).all()
    assert certificate.bound == 0.5


def test_the_network_of_an_explanation_may_be_silent():
    """Neurons of a circuit count as heard, however small they are."""

    action = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])
    part = circuit(action, np.array([1.0, -0.5, 0.2]), np.array([1.0, -0.5, 0.2]), -np.eye(3))
    tables, explanation = ideal(Cyclic(3), [part], width=10)
    assert silence(tables, np.arange(9)).kept.tolist() == list(range(9))
    assert gset(tables, Cyclic(3), explanation).bound == brute_force(tables, Cyclic(3)).bound
