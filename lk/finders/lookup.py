"""Points whose images the unembedding looks up: explanations for `lookup`, from the weights alone."""

from collections.abc import Sequence

import numpy as np

from lk.finders.contributions import active_neurons, contributions
from lk.finders.fourier import activity
from lk.groups import Group, Irrep, coset_action, power
from lk.groups import irreps as all_irreps
from lk.groups import subgroups as all_subgroup_classes
from lk.proofs.explanation import LookupExplanation
from lk.proofs.rounding import Floats, Ints
from lk.proofs.tables import Tables

_ENOUGH = 0.98  # of what the best action describes: the one with fewest points that reaches it is taken
_ZERO = 0.1  # of the largest value of a column: what is smaller is left to the rest
_TINY = (0.05, 0.01)  # of the largest value of a neuron
_MOST_POINTS = 24


def find_lookup(
    tables: Tables, group: Group, irreps: Sequence[Irrep] | None = None, subgroups: Sequence[Ints] | None = None
) -> list[LookupExplanation]:
    """Candidate explanations by look-ups, the cheapest first.

    One value of each neuron's own look-up at best, then all values of all.

    For every irrep the G-set with the fewest points that its unembeddings live on, for every neuron the point that it
    looks up.

    Args:
        tables: The network.
        group: Its group.
        irreps: Its real irreps, if they are at hand.
        subgroups: Candidates for stabilisers of a point; by default one of each conjugacy class.

    Raises:
        ValueError: the network has another order than the group.

    Example:
        >>> from lk.groups import Cyclic
        >>> network = Tables(np.eye(3), np.eye(3), np.eye(3), np.zeros(3))
        >>> find_lookup(network, Cyclic(3))[0].assign.shape
        (3, 1)
    """
    tables.check_group(group)
    n, m = tables.order, tables.width
    found = all_irreps(group) if irreps is None else irreps
    candidates = [
        np.asarray(h) for h in (all_subgroup_classes(group, _MOST_POINTS) if subgroups is None else subgroups)
    ]
    actions = [coset_action(group, h) for h in candidates if 1 < group.order // len(h) <= _MOST_POINTS]
    _, _, unembed, bias = tables.doubles()
    unembed = unembed - unembed.mean(0)
    active = active_neurons(contributions(tables))
    own = np.array([power(unembed[:, active], irrep) for irrep in found]).argmax(0)
    weight = activity(tables)
    assign, columns = list[Ints](), list[Floats]()
    for k in np.unique(own).tolist():
        neurons = active[own == k]
        fits = [point_means(unembed[:, neurons], action) for action in actions]
        if not fits:
            continue
        shares = np.array([(gain.max(1) * weight[neurons] ** 2).sum() for gain, _ in fits])
        good = [i for i in range(len(fits)) if shares[i] >= _ENOUGH * shares.max()]
        best = min(good, key=lambda i: actions[i].shape[1])
        gain, values = fits[best]
        action = actions[best]
        chosen = choose(gain * weight[neurons][:, None] ** 2)
        for q in chosen:
            mine = np.flatnonzero(nearest(gain, chosen) == q)
            block = np.zeros((action.shape[1], m))
            block[:, neurons[mine]] = sparse(values[mine, q].T)
            assign.append(action[:, q] + sum(len(part) for part in columns))
            columns.append(block)
    if not assign:
        return [LookupExplanation(np.empty((n, 0), np.int64), np.empty((0, m)), np.empty(0))]
    table, at = np.vstack(columns), np.stack(assign, axis=1)
    basis = np.zeros((n, len(table)))
    np.add.at(basis, (np.arange(n)[:, None], at), 1.0)
    whole = np.linalg.lstsq(basis, np.column_stack([unembed, bias - bias.mean()]), rcond=1e-9)[0]
    offset, whole = whole[:, -1], whole[:, :-1]
    parts = [np.where(np.abs(whole) > tiny * np.abs(whole).max(0), whole, 0.0) for tiny in _TINY]
    return [LookupExplanation(at, part, offset) for part in (table, *parts)]


def point_means(functions: Floats, action: Ints) -> tuple[Floats, Floats]:
    """Means of functions over the z that send q to p.

    Shape `(neurons, q, p)`, and the squared norm that they describe, `(neurons, q)`.
    """
    n, k = action.shape
    values = np.empty((functions.shape[1], k, k))
    for q in range(k):
        sums = np.zeros((k, functions.shape[1]))
        np.add.at(sums, action[:, q], functions)
        values[:, q] = (sums / np.bincount(action[:, q], minlength=k)[:, None]).T
    return (values**2).sum(2) * (n / k), values


def choose(gain: Floats) -> list[int]:
    """Few points that serve all neurons nearly as well as all points, greedily; at least one."""
    chosen = list[int]()
    reached = np.zeros(len(gain))
    goal = gain.max(1).sum()
    while not chosen or (reached.sum() < 0.995 * goal and len(chosen) < gain.shape[1]):
        new = np.maximum(gain, reached[:, None]).sum(0)
        chosen.append(int(new.argmax()))
        reached = np.maximum(reached, gain[:, chosen[-1]])
    return chosen


def nearest(gain: Floats, chosen: list[int]) -> Ints:
    """The chosen point of each neuron."""
    return np.asarray(np.array(chosen)[gain[:, chosen].argmax(1)])


def sparse(values: Floats) -> Floats:
    """Values up to a constant in each column, which moves all logits alike, with small ones set to zero."""
    moved = values - np.median(values, axis=0)
    return np.where(np.abs(moved) > _ZERO * np.abs(moved).max(0, initial=0.0), moved, 0.0)
