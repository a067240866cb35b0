"""Planted bugs: the real code with one small function replaced."""

import contextlib
import sys
from unittest import mock

import numpy as np

from lk.proofs import Tables
from lk.proofs.exact import Exact


@contextlib.contextmanager
def bug(name):
    """The real code with one small function replaced."""
    original = {
        "labels": sys.modules["lk.proofs.class_gaps"].class_labels,
        "doubles": Tables.doubles,
        "gaps": sys.modules["lk.proofs.point_values"].ideal_gaps,
    }
    cache = {}

    def missing_class(group):
        labels = original["labels"](group)
        return np.where(labels == labels.max(), -1, labels) if labels.max() > 0 else labels

    def wrong_element(ideal, group, _):
        e = group.identity
        logits = ideal.unembed @ np.maximum(ideal.left[e] + ideal.right[e], 0) + ideal.bias
        return float(logits.max() - np.delete(logits, logits.argmax()).max()), 0.0

    def wrong_gaps(ideal, points, group):
        gaps, correct, error = original["gaps"](ideal, points, group)
        return np.full_like(gaps, np.abs(gaps[np.isfinite(gaps)]).max(initial=0.0)), correct, error

    def stale(tables):
        return cache.setdefault((tables.left.shape, tables.activation), original["doubles"](tables))

    def unrounded(gap, *_):
        return np.where(np.isfinite(gap), gap, -np.inf)

    def early(exact, x, y, z, others):
        smallest = None
        for other in others:
            gap = exact.gap(x, y, z, int(other))
            smallest = gap if smallest is None or gap < smallest else smallest
            if smallest <= 0:
                break
        return smallest

    def all_rivals(tables, group, pairs, slack):
        """Exact numbers against every element in turn.

        With the early exit, the first that ties or wins is taken for the best.
        """
        exact = Exact(tables)
        for pair in pairs.tolist():
            x, y = divmod(pair, group.order)
            z = int(group.table[x, y])
            gap = early(exact, x, y, z, [other for other in range(group.order) if other != z])
            slack[pair] = float(gap)
        return 0

    patches = {
        "dropped error term": [("residual:combine", lambda holder, _: 0.0 * holder.sum(0))],
        "norm over the wrong axis": [
            ("residual:largest_norm", lambda columns, weights: float(np.sqrt((columns**2 / weights).sum(0).max())))
        ],
        "a missing class": [("class_gaps:class_labels", missing_class)],
        "no slack": [("verifier:decide", unrounded)],
        "trust in a label": [("equivariance:refuse_shares", lambda *_: None)],
        "the margin at the wrong element": [("irrep:ideal_margin", wrong_element), ("gset:ideal_gaps", wrong_gaps)],
        "a stale table": [("Tables:doubles", stale)],
        "an underflow under a root": [("decide:UNDERFLOW", 2.0**-700), ("equivariance:_LEAST_SCALE", 0.0)],
        "an early exit in a slack": [("brute_force:_settle", all_rivals)],
        "folding forgotten": [("Tables:folding", lambda _, xs, __: np.zeros(np.shape(xs)))],
        "trust in an action": [
            ("equivariance:is_action", lambda *_: True),
            ("equivariance:is_invariant", lambda *_: True),
        ],
        "silent neurons for nothing": [("silent:_largest_part", lambda table, _: 0.0 * table)],
    }
    with contextlib.ExitStack() as stack:
        for target, replacement in patches[name]:
            module, _, function = target.partition(":")
            owner = (
                Tables if module == "Tables" else sys.modules[f"lk.proofs.{module}"]
            )  # functions of lk.proofs hide modules of their name
            stack.enter_context(mock.patch.object(owner, function, replacement))
        yield


BUGS = (
    "dropped error term",
    "norm over the wrong axis",
    "a missing class",
    "no slack",
    "trust in a label",
    "the margin at the wrong element",
    "a stale table",
    "an underflow under a root",
    "an early exit in a slack",
    "folding forgotten",
    "trust in an action",
    "silent neurons for nothing",
)
