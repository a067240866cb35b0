"""What an explanation by circuits says, in numbers to log: irrep, stabiliser, coverage and constancy of a for each circuit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lk.groups import Group, Irrep, power
from lk.groups import irreps as all_irreps
from lk.proofs.equivariance import Part
from lk.proofs.explanation import GSetExplanation, SidedCircuit, SignTerm
from lk.proofs.rounding import Floats
from lk.proofs.tables import Tables

ACTIVE = 1e-2  # of the largest neuron: what is smaller is nothing, and may stand in for a missing neuron
RANK_ONE = 0.9  # a neuron below this power in its irrep is mixed


@dataclass(frozen=True)
class FoundCircuit:
    """One circuit or sign term.

    Attributes:
        name: Its name in the explanation.
        irrep: Irrep with most power in its unembedding.
        stabiliser: Elements that leave point 0 of X in place (for a sign term the kernel).
        points: Number of points |X|.
        neurons: Number of its neurons, without those that stand in for missing ones.
        coverage: 1 - missing / |X||Y|, or / (columns |X|) for a circuit of one side.
        direction_variance: Var(a) / |a|^2 over its neurons, of lambda and mu together; for an orbit b and lambda = b.a it is that of a.
        unembed_share: Part of the unembedding's power that its neurons hold, each weighted by its activations.
    """

    name: str
    irrep: str
    stabiliser: tuple[int, ...]
    points: int
    neurons: int
    coverage: float
    direction_variance: float
    unembed_share: float


def describe_circuits(
    tables: Tables, group: Group, explanation: GSetExplanation, irreps: Sequence[Irrep] | None = None
) -> list[FoundCircuit]:
    """The parts of an explanation, measured on the network.

    Args:
        tables: The network.
        group: Its group.
        explanation: As `find_gset` gives it.
        irreps: Real irreps of the group, if they are at hand.

    Example:
        >>> from lk.groups import Symmetric
        >>> from lk.proofs.ideal import ideal, rho_set
        >>> s3 = Symmetric(3)
        >>> matrices = all_irreps(s3)[2].matrices
        >>> network, explanation = ideal(s3, [rho_set(s3, matrices, np.array([0, 1]), np.array([1.0, 0.3]))])
        >>> [(c.irrep, c.points, c.coverage, round(c.direction_variance, 6)) for c in describe_circuits(network, s3, explanation)]
        [('2a', 3, 1.0, 0.0)]
    """
    sizes, found = contributions(tables), all_irreps(group) if irreps is None else irreps
    active = sizes > ACTIVE * sizes.max(initial=1e-300)
    total = max(float((sizes**2).sum()), 1e-300)
    described = []
    for part in parts_of(explanation):
        kept = active[part.neurons]
        unembed = tables.unembed[:, part.neurons[kept]].astype(np.float64)
        shares = [
            float((power(unembed - unembed.mean(0), irrep) * sizes[part.neurons[kept]] ** 2).sum()) for irrep in found
        ]
        name = found[int(np.argmax(shares))].name if kept.any() else ""
        if isinstance(part, SignTerm):
            stabiliser, points, cells = np.flatnonzero(part.character == 1), 2, 4
        elif isinstance(part, SidedCircuit):
            stabiliser, points, cells = np.flatnonzero(part.action[:, 0] == 0), part.action.shape[1], part.kernel.size
        else:
            stabiliser, points = np.flatnonzero(part.action_x[:, 0] == 0), part.action_x.shape[1]
            cells = points * part.action_y.shape[1]
        described.append(
            FoundCircuit(
                part.name,
                name,
                tuple(int(g) for g in stabiliser),
                points,
                int(kept.sum()),
                len(np.unique(part.cells[kept])) / cells,
                direction_variance(tables, group, part, kept) if kept.any() else 0.0,
                float((sizes[part.neurons[kept]] ** 2).sum()) / total,
            )
        )
    return described


def parts_of(explanation: GSetExplanation) -> list[Part]:
    """Circuits of both sides and of one, and sign terms."""
    return [*explanation.circuits, *explanation.sided, *explanation.signs]


def contributions(tables: Tables) -> Floats:
    """Size of left and right about their means times that of the centred unembedding, of each neuron: shape `(m,)`."""
    left, right, unembed, _ = tables.doubles()
    return np.asarray(np.sqrt((left.var(0) + right.var(0)) * unembed.var(0)) * tables.order)


def direction_variance(tables: Tables, group: Group, part: Part, kept: np.ndarray) -> float:
    """Relative variance of the functions on the points that single neurons have, about their mean."""
    left, right, _ = part.tables() if isinstance(part, SignTerm) else part.tables(group)
    spread = size = 0.0
    for table, ideal in ((tables.left, left), (tables.right, right)):
        own = table[:, part.neurons[kept]].astype(np.float64)
        own, ideal = own - own.mean(0), (ideal - ideal.mean(0))[:, kept]
        norms = np.maximum(np.linalg.norm(own, axis=0), 1e-300), np.maximum(np.linalg.norm(ideal, axis=0), 1e-300)
        spread += float(((own / norms[0] - ideal / norms[1]) ** 2).sum())
        size += float(kept.sum())
    return spread / size


def why_unexplained(
    tables: Tables, group: Group, explanation: GSetExplanation, irreps: Sequence[Irrep] | None = None
) -> dict[int, str]:
    """A reason for each neuron that an explanation leaves out.

    Args:
        tables: The network.
        group: Its group.
        explanation: As `find_gset` gives it.
        irreps: Real irreps of the group, if they are at hand.
    """
    sizes, found = contributions(tables), all_irreps(group) if irreps is None else irreps
    centred = [table.astype(np.float64) - table.mean(0) for table in (tables.left, tables.right, tables.unembed)]
    powers = np.array([[power(table, irrep) for table in centred] for irrep in found]).mean(1)
    used = np.concatenate([np.empty(0, np.int64), *(part.neurons for part in parts_of(explanation))])
    names = {circuit.irrep for circuit in describe_circuits(tables, group, explanation, found)}
    reasons = {}
    for i in np.setdiff1d(np.arange(tables.width), used).tolist():
        irrep, share = found[int(powers[:, i].argmax())].name, float(powers[:, i].max())
        if sizes[i] <= ACTIVE * sizes.max():
            reasons[i] = "no contribution"
        elif share < RANK_ONE:
            reasons[i] = f"mixed: {share:.0%} of its power in {irrep}"
        elif irrep in names:
            reasons[i] = f"{irrep}: does not fit the circuits found"
        else:
            reasons[i] = f"{irrep}: no orbit is covered"
    return reasons
