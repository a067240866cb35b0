"""Finite sets on which a group acts, as integer tables: `action[g, p]` is the point g.p."""

from collections.abc import Sequence

import numpy as np

from lk.groups.group import Group, Ints
from lk.groups.orbits import orbit_labels
from lk.groups.subgroups import cosets


def coset_action(group: Group, subgroup: Sequence[int] | Ints) -> Ints:
    """The action on the left cosets xH, g.(xH) = (gx)H; every transitive action is of this form.

    Args:
        group: The group.
        subgroup: Elements of the subgroup H.

    Returns:
        Table of shape `(order, index of H)`; cosets are numbered by their first element, so that point 0 is H itself
        where the identity is element 0.

    Example:
        >>> from lk.groups import Symmetric
        >>> coset_action(Symmetric(3), [0, 1]).shape
        (6, 3)
    """
    labels = cosets(group, subgroup)
    _, representatives = np.unique(labels, return_index=True)
    return labels[group.table[:, representatives]]


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
