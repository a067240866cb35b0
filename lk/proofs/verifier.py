"""The frame of every verifier: checks, chunks of pairs, decisions, counted operations and the certificate.

A verifier is a `Verifier` whose `bound` gives a `Bound`: computed lower bounds of logit gaps, and bounds on their
rounding error. Everything that turns these numbers into a certificate is here, in `lk.proofs.decide` and in
`lk.proofs.silent`.

A verifier is trusted: it may reach `proofs`, `groups`, `networks`, `layers`, `transforms`, `storage`, `text` and
`extras` of lk, and nothing that searches (`lk.finders`). `tests/test_imports.py` checks this, also through others.
"""

import time
from typing import ClassVar, Protocol

import numpy as np

from lk.groups import Group
from lk.proofs.certificate import Certificate
from lk.proofs.decide import decide, indices_of, pairs_of
from lk.proofs.rounding import Floats, Ints
from lk.proofs.silent import Silent, with_silence
from lk.proofs.tables import Tables


class Bound(Protocol):
    """Lower bounds of logit gaps, for chunks of pairs."""

    @property
    def operations(self) -> int:
        """What it has cost so far, a multiply-add counting once."""
        ...

    def __call__(self, xs: Ints, ys: Ints, zs: Ints, /) -> tuple[Floats, Floats]:
        """Computed bounds of f(xy|x,y) - f(z|x,y) over all z != xy, and bounds on their rounding error.

        Shape `(pairs,)` each.

        The error includes the cost of silent neurons, `Silent.cost_x[xs] + Silent.cost_y[ys]`.
        """
        ...


class Verifier:
    """A verifier that has read an explanation of one network.

    Args:
        tables: The network.
        group: Its group, the trusted specification.

    Attributes:
        name: Name in the certificate.
        chunk: Pairs at a time.
        exact: Whether the bound of all pairs is the accuracy.
        explained: Neurons that the explanation describes, None where it does not speak of neurons.
        margin: Gap of the ideal network, where there is one.
        dropped: Parts of the explanation that were refused, with the reason.
        operations: What reading the explanation has cost.

    Raises:
        ValueError: the group has another order than the network.
    """

    name: str
    chunk = 1024
    exact: ClassVar[bool] = False

    def __init__(self, tables: Tables, group: Group) -> None:
        self.start = time.perf_counter()
        tables.check_group(group)
        self.tables, self.group = tables, group
        self.explained: Ints | None = None
        self.margin: float | None = None
        self.dropped: tuple[str, ...] = ()
        self.operations = 0

    def bound(self, silent: Silent) -> Bound:
        """The bound of the network without its silent neurons."""
        raise NotImplementedError(f"{type(self).__name__} must define bound().")

    def evaluate(self, pairs: Ints) -> tuple[Floats, int]:
        """Slack of pairs, shape `(n * n,)` and minus infinity elsewhere, and the operations that it has cost."""
        return with_silence(
            self.tables, self.explained, pairs, lambda silent, some: self.decide(self.bound(silent), some)
        )

    def decide(self, bound: Bound, pairs: Ints) -> tuple[Floats, int]:
        """Decide pairs through a bound, chunk by chunk."""
        slack = np.full(self.tables.order**2, -np.inf)
        for chunk, xs, ys, zs in pairs_of(self.group, pairs, self.chunk):
            gap, rounding = bound(xs, ys, zs)
            slack[chunk] = decide(gap, rounding, self.tables.folding(xs, ys))
        return slack, bound.operations

    def certify(self, pairs: Ints | None = None) -> Certificate:
        """The certificate.

        Args:
            pairs: Indices x n + y of the pairs to decide; all by default. The slack of the others is minus infinity.
        """
        n, m = self.tables.order, self.tables.width
        slack, operations = self.evaluate(indices_of(self.group, pairs))
        unexplained = [] if self.explained is None else np.setdiff1d(np.arange(m), self.explained).tolist()
        return Certificate(
            self.name,
            slack.reshape(n, n),
            self.operations + operations,
            self.tables.brute_force_operations,
            time.perf_counter() - self.start,
            float((slack > 0.0).mean()) if self.exact and pairs is None else None,
            self.margin,
            tuple(unexplained),
            self.dropped,
        )
