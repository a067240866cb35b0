"""Explanations: plain data that a verifier reads and does not believe."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lk.proofs.circuits import GSetCircuit, Part, SidedCircuit, SignTerm
from lk.proofs.rounding import Floats, Ints


@dataclass(frozen=True, eq=False)
class GSetExplanation:
    """The network computes these circuits on disjoint neurons; the other neurons are left unexplained.

    Attributes:
        circuits: Circuits on G-sets.
        signs: Sign terms.
        order: Order of the group.
        width: Number of neurons of the network.
        sided: Circuits that are equivariant on one side, which `gset` alone reads.
    """

    circuits: tuple[GSetCircuit, ...]
    signs: tuple[SignTerm, ...]
    order: int
    width: int
    sided: tuple[SidedCircuit, ...] = ()


@dataclass(frozen=True, eq=False)
class Clusters(Part):
    """Neurons whose projected unembeddings are multiples of a few directions: it makes the Fourier proof cheaper.

    Attributes:
        labels: Direction of each neuron, -1 for none, shape `(m,)`.
        coefficients: Shape `(m,)`.
        directions: Shape `(D, clusters)`, D the sum of squared dimensions.
    """

    labels: Ints
    coefficients: Floats
    directions: Floats
    _integers: ClassVar[dict[str, int]] = {"labels": 1}
    _numbers: ClassVar[dict[str, int]] = {"coefficients": 1, "directions": 2}


@dataclass(frozen=True, eq=False)
class FourierExplanation:
    """The network computes in these representations and is nearly bi-equivariant.

    Attributes:
        matrices: Representations, shape `(n, d, d)` each.
        order: Order of the group.
        width: Number of neurons of the network.
        clusters: None for one direction per neuron.
        theta: Part of the bi-equivariant gap that the half-equivariant proof gives to x, in [0, 1].
    """

    matrices: tuple[Floats, ...]
    order: int
    width: int
    clusters: Clusters | None = None
    theta: float = 0.5


@dataclass(frozen=True, eq=False)
class CosetCluster(Part):
    """Neurons that are nearly constant on the parts of two partitions of the group, cosets as a rule.

    Attributes:
        neurons: Indices, shape `(k,)`.
        left: Part of each x, shape `(n,)`: for right cosets Hx.
        right: Part of each y, shape `(n,)`: for left cosets yH.
    """

    neurons: Ints
    left: Ints
    right: Ints
    _integers: ClassVar[dict[str, int]] = {"neurons": 1, "left": 1, "right": 1}


@dataclass(frozen=True, eq=False)
class CosetExplanation:
    """The network sees cosets (Stander et al. 2024).

    Attributes:
        clusters: On disjoint neurons.
        order: Order of the group.
        width: Number of neurons of the network.
    """

    clusters: tuple[CosetCluster, ...]
    order: int
    width: int


@dataclass(frozen=True, eq=False)
class LookupExplanation(Part):
    r"""The unembedding depends on z through a few look-ups, images of points as a rule.

    u_i(z) is nearly sum_j columns[assign[z, j], i].

    Attributes:
        assign: Row of `columns` that each look-up gives for each z, shape `(n, look-ups)`.
        columns: Shape `(rows, m)`; what is zero costs nothing.
        offset: The same for the bias, shape `(rows,)`.
    """

    assign: Ints
    columns: Floats
    offset: Floats
    _integers: ClassVar[dict[str, int]] = {"assign": 2}
    _numbers: ClassVar[dict[str, int]] = {"columns": 2, "offset": 1}

    @property
    def order(self) -> int:
        """Order of the group."""
        return len(self.assign)

    @property
    def width(self) -> int:
        """Number of neurons of the network."""
        return int(self.columns.shape[1])

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = len(self.columns)
        if len(self.offset) != rows or (self.assign.size and not (self.assign.min() >= 0 and self.assign.max() < rows)):
            raise ValueError(
                f"expected an offset for each of {rows} rows and look-ups from 0 to {rows - 1}, got "
                f"{len(self.offset)} offsets and look-ups from {self.assign.min(initial=0)} to "
                f"{self.assign.max(initial=-1)}. Number the rows from 0."
            )
        if not all((np.abs(array) <= 2.0**60).all() for array in (self.columns, self.offset)):
            largest = max(float(np.abs(array).max(initial=0.0)) for array in (self.columns, self.offset))
            raise ValueError(f"expected finite columns and offset of at most 2^60, got {largest:.3g}. Fit them again.")
