"""Counts and sets of group theory that tests compare with."""

import numpy as np

from lk.groups.orbits import number_by_first


def trivial(group, points=1):
    """The action that moves no point, shape `(order, points)`."""
    return np.tile(np.arange(points), (group.order, 1))


def disjoint_union(*actions):
    """Actions of one group side by side; the points of each follow those of the ones before."""
    starts = np.cumsum([0, *(action.shape[1] for action in actions[:-1])])
    return np.concatenate([action + start for action, start in zip(actions, starts, strict=True)], axis=1)


def orbits(action):
    """Orbit of each point, numbered by first point, shape `(points,)`."""
    return number_by_first(action.min(axis=0))


def stabiliser(action, point):
    """The sorted elements that leave a point in place."""
    return np.flatnonzero(action[:, point] == point)


def permutation_character(action):
    """Number of points that each element leaves in place, shape `(order,)`."""
    return (action == np.arange(action.shape[1])).sum(axis=1)


def conjugate(group, subgroup, g):
    """The sorted elements of g H g^-1."""
    return np.sort(group.table[group.table[g, np.asarray(subgroup)], group.inverse[g]])


def double_cosets(group, h, k):
    """Double coset HgK of each element g, numbered by first element, shape `(order,)`."""
    first_of_left_coset = group.table[:, k].min(axis=1)
    return number_by_first(first_of_left_coset[group.table[h]].min(axis=0))
