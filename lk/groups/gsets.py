"""Finite sets on which a group acts, as integer tables: `action[g, p]` is the point g.p."""

from collections.abc import Sequence

import numpy as np

from lk.groups.group import Group, Ints
from lk.groups.orbits import number_by_first, orbit_labels
from lk.groups.subgroups import cosets


def check_action(group: Group, action: Sequence[Sequence[int]] | Ints) -> Ints:
    """The table as an `int64` array, known exactly to be a left action.

    It checks e.p = p and (gh).p = g.(h.p) for all g and for the *generators* h alone. That is enough: if the latter holds for h
    and for k (with all g), then (g(hk)).p = ((gh)k).p = (gh).(k.p) = g.(h.(k.p)) = g.((hk).p), the last step being the property
    of k at g = h. So the h that have it are closed under products and are all of the group. With e.p = p, each g then acts by a
    permutation, whose inverse is that of g^-1.

    Args:
        group: The group.
        action: Table of shape `(order, points)`; `action[g, p]` is g.p.

    Returns:
        The table.

    Raises:
        ValueError: It is no action; the message names the axiom and the elements that break it.

    Example:
        >>> from lk.groups import Cyclic
        >>> check_action(Cyclic(2), [[0, 1], [1, 0]]).shape
        (2, 2)
        >>> check_action(Cyclic(3), [[0, 1], [1, 0], [0, 1]])
        Traceback (most recent call last):
        ValueError: Given an action with (2·1).0 = 0.0 = 0, but 2.(1.0) = 1; expected (gh).p = g.(h.p).
    """
    given = np.asarray(action)
    if given.ndim != 2 or len(given) != group.order or given.dtype.kind not in "iu":
        raise ValueError(
            f"Given an action of shape {given.shape} and type {given.dtype}; expected integers of shape ({group.order}, points), "
            f"a row for each element of {group}."
        )
    points = given.shape[1]
    outside = np.argwhere((given < 0) | (given >= points))
    if len(outside):
        g, p = outside[0]
        raise ValueError(f"Given an action with {g}.{p} = {given[g, p]}; expected a point 0 to {points - 1}.")
    moved = np.flatnonzero(given[group.identity] != np.arange(points))
    if len(moved):
        p = moved[0]
        raise ValueError(
            f"Given an action whose identity {group.identity} sends {p} to {given[group.identity, p]}; expected e.p = p."
        )
    for h in group.generators:
        broken = np.argwhere(given[group.table[:, h]] != given[:, given[h]])
        if len(broken):
            g, p = broken[0]
            product = group.table[g, h]
            raise ValueError(
                f"Given an action with ({g}·{h}).{p} = {product}.{p} = {given[product, p]}, but {g}.({h}.{p}) = {given[g, given[h, p]]}; "
                "expected (gh).p = g.(h.p)."
            )
    return given.astype(np.int64)


def coset_action(group: Group, subgroup: Sequence[int] | Ints) -> Ints:
    """The action on the left cosets xH, g.(xH) = (gx)H; every transitive action is of this form.

    Args:
        group: The group.
        subgroup: Elements of the subgroup H.

    Returns:
        Table of shape `(order, index of H)`; cosets are numbered by their first element, so that point 0 is H itself where the
        identity is element 0.

    Example:
        >>> from lk.groups import Symmetric
        >>> coset_action(Symmetric(3), [0, 1]).shape
        (6, 3)
    """
    labels = cosets(group, subgroup)
    _, representatives = np.unique(labels, return_index=True)
    return labels[group.table[:, representatives]]


def trivial(group: Group, points: int = 1) -> Ints:
    """The action that moves no point, shape `(order, points)`.

    Example:
        >>> from lk.groups import Cyclic
        >>> trivial(Cyclic(2), 3).tolist()
        [[0, 1, 2], [0, 1, 2]]
    """
    return np.tile(np.arange(points), (group.order, 1))


def disjoint_union(*actions: Ints) -> Ints:
    """Actions of one group side by side; the points of each follow those of the ones before.

    Example:
        >>> from lk.groups import Cyclic
        >>> disjoint_union(trivial(Cyclic(2)), Cyclic(2).table).tolist()
        [[0, 1, 2], [0, 2, 1]]
    """
    if not actions or len({len(action) for action in actions}) > 1:
        raise ValueError(
            f"Given actions of groups of order {[len(action) for action in actions]}; expected at least one, all of one group."
        )
    starts = np.cumsum([0, *(action.shape[1] for action in actions[:-1])])
    return np.concatenate([action + start for action, start in zip(actions, starts, strict=True)], axis=1)


def orbits(action: Ints) -> Ints:
    """Orbit of each point, numbered by first point, shape `(points,)`.

    Example:
        >>> from lk.groups import Cyclic
        >>> orbits(disjoint_union(trivial(Cyclic(2)), Cyclic(2).table)).tolist()
        [0, 1, 1]
    """
    return number_by_first(action.min(axis=0))


def orbitals(group: Group, act_x: Ints, act_y: Ints) -> Ints:
    """Orbit of each pair of points under g.(p, q) = (g.p, g.q), numbered by first pair.

    A kernel K(p, q) is invariant, K(gp, gq) = K(p, q), if and only if it is constant on these.

    Args:
        group: The group.
        act_x: Action on X, shape `(order, |X|)`.
        act_y: Action on Y, shape `(order, |Y|)`.

    Returns:
        Labels, shape `(|X|, |Y|)`.

    Example:
        >>> from lk.groups import Symmetric
        >>> action = coset_action(Symmetric(3), [0, 1])
        >>> orbitals(Symmetric(3), action, action).tolist()
        [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    """
    shape = act_x.shape[1], act_y.shape[1]
    pairs = [(act_x[g][:, None] * shape[1] + act_y[g]).ravel() for g in group.generators]
    return orbit_labels(pairs, shape[0] * shape[1]).reshape(shape)


def stabiliser(action: Ints, point: int) -> Ints:
    """The sorted elements that leave a point in place.

    Example:
        >>> from lk.groups import Symmetric
        >>> stabiliser(coset_action(Symmetric(3), [0, 1]), 0).tolist()
        [0, 1]
    """
    return np.flatnonzero(action[:, point] == point)


def permutation_character(action: Ints) -> Ints:
    """Number of points that each element leaves in place, shape `(order,)`.

    Example:
        >>> from lk.groups import Symmetric
        >>> permutation_character(coset_action(Symmetric(3), [0, 1])).tolist()
        [3, 1, 1, 0, 0, 1]
    """
    fixed: Ints = (action == np.arange(action.shape[1])).sum(axis=1)
    return fixed
