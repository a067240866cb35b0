"""Circuits: neurons with labels in G-sets, the parts of an explanation, which a verifier does not believe."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lk.groups import Group
from lk.proofs.activation import apply
from lk.proofs.rounding import Floats, Ints


class Part:
    """A part of an explanation, made of arrays: each is cast, and its number of axes checked."""

    _integers: ClassVar[dict[str, int]] = {}
    _numbers: ClassVar[dict[str, int]] = {}

    def __post_init__(self) -> None:
        for names, kinds, dtype in ((self._integers, "iu", np.int64), (self._numbers, "iuf", np.float64)):
            for name, axes in names.items():
                given = np.asarray(getattr(self, name))
                if given.ndim != axes or given.dtype.kind not in kinds:
                    wanted = "whole numbers" if kinds == "iu" else "real numbers"
                    raise ValueError(
                        f"expected {name} as {wanted} with {axes} axes, got {name}.shape={given.shape} of "
                        f"{given.dtype}. See the shapes of {type(self).__name__}."
                    )
                object.__setattr__(self, name, np.array(given, dtype))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its arrays by name."""
        return {name: np.asarray(getattr(self, name)) for name in (*self._integers, *self._numbers)}


def same_length(part: Any, *names: str) -> None:
    """Raise unless these arrays of the part have the same length."""
    lengths = {name: len(getattr(part, name)) for name in names}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"expected one entry for each neuron, got lengths {lengths}. Give arrays of one length.")


@dataclass(frozen=True, eq=False)
class GSetCircuit(Part):
    r"""Neurons labelled by pairs (p, q) of points of two G-sets X and Y.

    .. math:: left(x) = a \, \lambda(x^{-1} p), \quad right(y) = -a \, \mu(y q), \quad unembed(z) = w \, K(p, z q) / a

    With K constant on orbitals and the weights of each (p, q) adding up to one, the logits depend on w = x^-1 z y^-1
    alone. rho-sets (Wu et al. 2025) are the case lambda(b) = mu(b) = b.a, K(b, b') = -b.b'.

    Attributes:
        action_x: `action_x[g, p]` = g.p, shape `(n, |X|)`.
        action_y: Shape `(n, |Y|)`.
        lam: lambda, shape `(|X|,)`.
        mu: Shape `(|Y|,)`.
        kernel: K, shape `(|X|, |Y|)`.
        neurons: Indices of its neurons, shape `(k,)`.
        p: Label in X of each neuron.
        q: Label in Y of each neuron.
        weights: Part of each neuron in the sum of its (p, q), up to a factor, not negative.
        scales: a, the size of each neuron, positive. It fits the network to the ideal and has no part in the proof.
        name: For messages.
    """

    action_x: Ints
    action_y: Ints
    lam: Floats
    mu: Floats
    kernel: Floats
    neurons: Ints
    p: Ints
    q: Ints
    weights: Floats
    scales: Floats
    name: str = ""
    _integers: ClassVar[dict[str, int]] = {"action_x": 2, "action_y": 2, "neurons": 1, "p": 1, "q": 1}
    _numbers: ClassVar[dict[str, int]] = {"lam": 1, "mu": 1, "kernel": 2, "weights": 1, "scales": 1}

    def __post_init__(self) -> None:
        super().__post_init__()
        same_length(self, "neurons", "p", "q", "weights", "scales")
        points = self.action_x.shape[1], self.action_y.shape[1]
        if (len(self.lam), len(self.mu)) != points or self.kernel.shape != points:
            raise ValueError(
                f"expected shapes ({points[0]},), ({points[1]},), {points}, got lam.shape={self.lam.shape}, "
                f"mu.shape={self.mu.shape}, kernel.shape={self.kernel.shape}. Give one entry a point."
            )

    @property
    def cells(self) -> Ints:
        """The pair of labels of each neuron as one number."""
        return np.asarray(self.p * self.action_y.shape[1] + self.q)

    def tables(self, group: Group) -> tuple[Floats, Floats, Floats]:
        """Left, right and unembed of its neurons with a = w = 1, shape `(n, k)` each."""
        left = self.lam[self.action_x[group.inverse][:, self.p]]
        at = self.action_y[:, self.q]
        return left, -self.mu[at], self.kernel[self.p, at]


@dataclass(frozen=True, eq=False)
class SidedCircuit(Part):
    r"""Neurons that are equivariant on one side: labelled by a point p of a G-set X and one of several columns j.

    .. math::

        left(x) = a \, \lambda_j(x^{-1} p), \quad right(y) = a \, \mu_j(y), \quad unembed(z) = w \, K_j(z^{-1} p) / a

    with any functions mu_j. With the weights of each (j, p) adding up to one, the logits depend on x^-1 z and y alone.
    For `side="right"`, likewise, right(y) = a lambda_j(y p), left(x) = a mu_j(x), unembed(z) = w K_j(z p) / a, and the
    logits depend on z y^-1 and x.

    Attributes:
        action: `action[g, p]` = g.p, shape `(n, |X|)`.
        lam: lambda, shape `(columns, |X|)`.
        other: mu, shape `(columns, n)`.
        kernel: K, shape `(columns, |X|)`.
        neurons: Indices of its neurons, shape `(k,)`.
        p: Label in X of each neuron.
        column: Column of each neuron.
        weights: Part of each neuron in the sum of its (column, p), up to a factor, not negative.
        scales: a, the size of each neuron, positive.
        side: `left` or `right`.
        name: For messages.
    """

    action: Ints
    lam: Floats
    other: Floats
    kernel: Floats
    neurons: Ints
    p: Ints
    column: Ints
    weights: Floats
    scales: Floats
    side: str = "left"
    name: str = ""
    _integers: ClassVar[dict[str, int]] = {"action": 2, "neurons": 1, "p": 1, "column": 1}
    _numbers: ClassVar[dict[str, int]] = {"lam": 2, "other": 2, "kernel": 2, "weights": 1, "scales": 1}

    def __post_init__(self) -> None:
        super().__post_init__()
        same_length(self, "neurons", "p", "column", "weights", "scales")
        n, k = self.action.shape
        columns = len(self.lam)
        if self.lam.shape != (columns, k) or self.kernel.shape != (columns, k) or self.other.shape != (columns, n):
            raise ValueError(
                f"expected shapes ({columns}, {k}) twice and ({columns}, {n}), got lam.shape={self.lam.shape}, "
                f"kernel.shape={self.kernel.shape}, other.shape={self.other.shape}. Give a row for each column."
            )
        if self.side not in ("left", "right"):
            raise ValueError(f"expected side in ['left', 'right'], got side={self.side!r}. Choose one of these.")

    @property
    def cells(self) -> Ints:
        """The column and point of each neuron as one number."""
        return np.asarray(self.column * self.action.shape[1] + self.p)

    def tables(self, group: Group) -> tuple[Floats, Floats, Floats]:
        """Left, right and unembed of its neurons with a = w = 1, shape `(n, k)` each."""
        at = self.action[group.inverse][:, self.p] if self.side == "left" else self.action[:, self.p]
        moved, other = self.lam[self.column, at], self.other[self.column].T
        unembed = self.kernel[self.column, at]
        return (moved, other, unembed) if self.side == "left" else (other, moved, unembed)


@dataclass(frozen=True, eq=False)
class SignTerm(Part):
    r"""Neurons of a homomorphism sigma to +-1, of four types (s, t).

    Left = s sigma(x), right = t sigma(y), unembed = w c(s, t) sigma(z).

    c is `both` if s = t and `mixed` otherwise. With A = act(2) + act(-2), B = 2 act(0) the sum of all types is

    .. math:: \tfrac12 (both + mixed)(A + B) \, \sigma(z) + \tfrac12 (both - mixed)(A - B) \, \sigma(xyz)

    (for a ReLU both + mixed and both - mixed); the bias takes the first term away and the second depends on w alone.

    Attributes:
        character: sigma, shape `(n,)`, entries 1 and -1.
        neurons: Indices of its neurons, shape `(k,)`.
        left_signs: s, shape `(k,)`.
        right_signs: t, shape `(k,)`.
        weights: Part of each neuron in its type, up to a factor.
        scales: As in `GSetCircuit`.
        both: Coefficient of types with equal signs.
        mixed: Coefficient of the others.
        name: For messages.
    """

    character: Ints
    neurons: Ints
    left_signs: Ints
    right_signs: Ints
    weights: Floats
    scales: Floats
    both: float
    mixed: float
    name: str = "sign"
    _integers: ClassVar[dict[str, int]] = {"character": 1, "neurons": 1, "left_signs": 1, "right_signs": 1}
    _numbers: ClassVar[dict[str, int]] = {"weights": 1, "scales": 1, "both": 0, "mixed": 0}

    def __post_init__(self) -> None:
        super().__post_init__()
        same_length(self, "neurons", "left_signs", "right_signs", "weights", "scales")
        object.__setattr__(self, "both", float(self.both))
        object.__setattr__(self, "mixed", float(self.mixed))

    @property
    def cells(self) -> Ints:
        """The type of each neuron, 0 to 3."""
        return (1 - self.left_signs) + (1 - self.right_signs) // 2

    def tables(self) -> tuple[Floats, Floats, Floats]:
        """Left, right and unembed of its neurons with a = w = 1, shape `(n, k)` each."""
        sigma = self.character[:, None].astype(np.float64)
        coefficients = np.where(self.left_signs == self.right_signs, self.both, self.mixed)
        return sigma * self.left_signs, sigma * self.right_signs, sigma * coefficients

    def bias(self, activation: str) -> Floats:
        """The bias that takes the term in sigma(z) away, shape `(n,)`."""
        two, zero, minus_two = apply(np.array([2.0, 0.0, -2.0]), activation)
        return np.asarray(-0.5 * (self.both + self.mixed) * (two + minus_two + 2.0 * zero) * self.character)
