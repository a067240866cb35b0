"""Ideal networks on points: equivariant whatever the tables hold, and the sums over slots are those over neurons."""

import numpy as np
import pytest

from lk.finders import sign_term
from lk.groups import Affine, Quaternion, Symmetric, coset_action, orbitals, subgroups
from lk.proofs import GSetCircuit, GSetExplanation, SidedCircuit, Tables, gset
from lk.proofs.activation import apply
from lk.proofs.explained import build
from lk.proofs.interaction import Unembedding, sums_of_ideal
from lk.proofs.point_values import ideal_gaps, tabulate
from lk.proofs.residual import chunk_of
from lk.proofs.silent import silence
from tests.helpers.group_theory import disjoint_union


def random_action(group, rng):
    """One orbit, or two."""
    found = [np.asarray(h) for h in subgroups(group) if 2 <= group.order // len(h) <= 6]
    actions = [coset_action(group, found[rng.integers(len(found))]) for _ in range(1 + (rng.random() < 0.4))]
    return disjoint_union(*actions)


def random_explanation(group, rng, extra=2):
    """Circuits of both sides and of one, several neurons in some cells, and a sign term where there is a sign."""
    first, circuits, sided = 0, [], []
    for _ in range(2):
        x, y = random_action(group, rng), random_action(group, rng)
        labels = orbitals(group, x, y)
        cells = x.shape[1] * y.shape[1]
        cell = np.concatenate([np.arange(cells), rng.integers(cells, size=3)])
        p, q = np.divmod(cell, y.shape[1])
        count = len(cell)
        circuits.append(
            GSetCircuit(
                x,
                y,
                rng.normal(size=x.shape[1]),
                rng.normal(size=y.shape[1]),
                rng.normal(size=labels.max() + 1)[labels],
                first + np.arange(count),
                p,
                q,
                rng.random(count) + 0.1,
                np.exp(rng.normal(size=count)),
            )
        )
        first += count
    for side in ("left", "right"):
        action = random_action(group, rng)
        k, columns = action.shape[1], 2
        column, p = (index.ravel() for index in np.indices((columns, k)))
        numbers = rng.normal(size=(columns, k)), rng.normal(size=(columns, group.order)), rng.normal(size=(columns, k))
        ones = np.ones(columns * k)
        sided.append(
            SidedCircuit(
                action, *numbers, first + np.arange(columns * k), p, column, ones, np.exp(rng.normal(size=len(p))), side
            )
        )
        first += columns * k
    signs = ()
    if group.order == 6:
        character = np.where(group.element_orders == 2, -1, 1)
        signs = (sign_term(character, first, *rng.normal(size=2)),)
        first += 4
    return GSetExplanation(tuple(circuits), signs, group.order, first + extra, tuple(sided))


GROUPS = (Symmetric(3), Quaternion(8), Affine(5))


@pytest.mark.parametrize("activation", ["relu", "abs", "square"])
@pytest.mark.parametrize("seed", range(6))
def test_the_bound_is_that_of_the_sums_over_neurons(seed, activation):
    """The inequalities of the docstrings, evaluated neuron by neuron with all tables at hand."""
    rng = np.random.default_rng(seed)
    group = GROUPS[seed % 3]
    explanation = random_explanation(group, rng)
    n, m = explanation.order, explanation.width
    tables = Tables(*(rng.normal(size=(n, m)) for _ in range(3)), rng.normal(size=n), activation)
    ideal = build(tables, group, explanation, explanation.sided)
    assert ideal.dropped == ()
    points = tabulate(ideal, group, activation)
    k = len(ideal.neurons)
    xs, ys = (index.ravel() for index in np.indices((n, n)))
    c = points.at_pairs(xs, ys)  # (k, n^2)
    means = points.mean_x[xs].T + points.mean_y[ys].T
    f_hat = (ideal.unembed @ (c + means)).reshape(n, n, n)  # z, x, y
    gaps, correct, error = ideal_gaps(ideal, points, group)
    right = f_hat[group.table, *np.indices((n, n))]
    others = f_hat.copy()
    others[group.table, *np.indices((n, n))] = -np.inf
    assert (
        gaps <= right - others.max(0) + 1e-9
    ).all()  # on one side: the least over w of a sum is at most the sum of these
    unembed = ideal.unembed[group.table].transpose(2, 0, 1).reshape(k, -1)
    np.testing.assert_allclose(correct.ravel(), (unembed * c).sum(0), atol=1e-9)
    assert error < 1e-9
    weights = rng.random((3, k))
    sums = sums_of_ideal(points, Unembedding(*weights), chunk_of(xs, ys, group.table[xs, ys]))
    for found, expected in zip(sums, (weights[1] @ np.abs(c), weights[2] @ c**2, weights[0] @ c), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)
    # The network itself: its slack is at most the true gap, and not lower than what the plain inequality gives.
    left, right_table, u, bias = tables.doubles()
    h = apply(left[xs] + right_table[ys], activation).T
    logits = (u @ h + bias[:, None]).reshape(n, n, n)
    answers = (group.table, *np.indices((n, n)))
    true = logits[answers].copy()
    logits[answers] = -np.inf
    assert (gset(tables, group, explanation).slack <= true - logits.max(0)).all()


@pytest.mark.parametrize("seed", range(9))
def test_tables_of_both_sides_depend_on_w_alone(seed):
    """With any table C, not just an activation's."""
    rng = np.random.default_rng(seed)
    group = GROUPS[seed % 3]
    explanation = random_explanation(group, rng)
    explanation = GSetExplanation(explanation.circuits, explanation.signs, explanation.order, explanation.width)
    n, m = explanation.order, explanation.width
    tables = Tables(*(np.zeros((n, m)) for _ in range(3)), np.zeros(n))
    ideal = build(tables, group, explanation)
    points = tabulate(ideal, group, "relu")
    signs = 4 if explanation.signs else 0
    if not signs:
        points.values[:] = rng.normal(size=len(points.values))
    xs, ys = (index.ravel() for index in np.indices((n, n)))
    f_hat = (ideal.unembed @ points.at_pairs(xs, ys)).reshape(n, n, n)
    inverse = group.inverse
    for x, y in np.ndindex(n, n):
        w = group.table[group.table[inverse[x]], inverse[y]]  # x^-1 z y^-1 of each z
        np.testing.assert_allclose(f_hat[:, x, y], f_hat[w, group.identity, group.identity], atol=1e-9)


def test_a_network_of_explained_neurons_alone_is_exact():
    """Where the network is its ideal the slack is the ideal margin, whatever number of neurons is silent."""
    group = Symmetric(3)
    rng = np.random.default_rng(0)
    explanation = random_explanation(group, rng)
    explanation = GSetExplanation(explanation.circuits, explanation.signs, 6, explanation.width)
    arrays = [np.zeros((6, explanation.width)) for _ in range(3)]
    bias = np.zeros(6)
    zeros = Tables(*arrays, bias)
    ideal = build(zeros, group, explanation)
    arrays[0][:, ideal.neurons], arrays[1][:, ideal.neurons] = ideal.left * ideal.scales, ideal.right * ideal.scales
    arrays[2][:, ideal.neurons] = ideal.unembed / ideal.scales
    tables = Tables(*arrays, ideal.bias)
    certificate = gset(tables, group, explanation)
    np.testing.assert_allclose(certificate.slack, certificate.margin, atol=1e-4)
    assert len(silence(tables).kept) < explanation.width
