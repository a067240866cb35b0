"""The parts of an explanation, measured on its network: rows of `tables/circuits.parquet`, and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from lk.finders.contributions import active_neurons, contributions
from lk.groups import Group, Irrep, power
from lk.groups import irreps as all_irreps
from lk.metrics import irrep_power
from lk.metrics.logits import activate
from lk.proofs import FourierExplanation, GSetCircuit, GSetExplanation, SidedCircuit, SignTerm, Tables
from lk.proofs.equivariance import Part


@dataclass(frozen=True)
class FoundCircuit:
    """A circuit, a circuit of one side or a sign term, as measured on the network.

    Attributes:
        kind: `circuit`, `sided` or `sign`.
        name: Its name in the explanation.
        irrep: Irrep with most power in its unembedding.
        stabiliser: Order of the stabiliser of point 0 of X; for a sign term that of the kernel.
        points: Number of points |X|.
        neurons: Number of its active neurons.
        coverage: Share of its labels that have an active neuron: of pairs of points, of (column, point) or of types.
        direction_variance: Var(a) / |a|^2 over its neurons, of lambda and mu together; for an orbit b and lambda = b.a
            it is that of a.
        unembed_share: Its neurons' share of the unembedding's power, each neuron weighted by its contribution.
    """

    kind: str
    name: str
    irrep: str
    stabiliser: int
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
        >>> from lk.finders import ideal, rho_set
        >>> from lk.groups import Symmetric
        >>> s3 = Symmetric(3)
        >>> matrices = all_irreps(s3)[2].matrices
        >>> network, explanation = ideal(s3, [rho_set(s3, matrices, np.array([0, 1]), np.array([1.0, 0.3]))])
        >>> (circuit,) = describe_circuits(network, s3, explanation)
        >>> circuit.irrep, circuit.points, circuit.coverage, round(circuit.direction_variance, 6)
        ('2a', 3, 1.0, 0.0)
    """
    sizes, found = contributions(tables), all_irreps(group) if irreps is None else irreps
    active = np.isin(np.arange(tables.width), active_neurons(sizes))
    total = max(float((sizes**2).sum()), 1e-300)
    described = []
    for part in _parts_of(explanation):
        kept = active[part.neurons]
        own = part.neurons[kept]
        unembed = tables.unembed[:, own].astype(np.float64)
        shares = [float((power(unembed - unembed.mean(0), irrep) * sizes[own] ** 2).sum()) for irrep in found]
        kind, stabiliser, points, cells = _shape(part)
        described.append(
            FoundCircuit(
                kind,
                part.name,
                found[int(np.argmax(shares))].name if kept.any() else "",
                stabiliser,
                points,
                len(own),
                len(np.unique(part.cells[kept])) / cells,
                _direction_variance(tables, group, part, kept) if kept.any() else 0.0,
                float((sizes[own] ** 2).sum()) / total,
            )
        )
    return described


def circuit_rows(
    tables: Tables,
    group: Group,
    irreps: Sequence[Irrep],
    circuits: GSetExplanation | None,
    fourier: FourierExplanation | None,
) -> pd.DataFrame:
    """One row for each part of the explanations of one network.

    Args:
        tables: The network.
        group: Its group.
        irreps: All its irreps.
        circuits: Explanation by circuits.
        fourier: Explanation by irreps.

    Returns:
        The attributes of `FoundCircuit` as columns. A row of kind `irrep` stands for each irrep of the Fourier
        explanation; it has no points, neurons or measures.
    """
    columns = [field.name for field in fields(FoundCircuit)]
    described = [] if circuits is None else describe_circuits(tables, group, circuits, irreps)
    rows = [tuple(getattr(part, name) for name in columns) for part in described]
    for matrices in () if fourier is None else fourier.matrices:
        shares = irrep_power(matrices.reshape(len(matrices), -1), irreps)
        name = irreps[int(shares.argmax())].name
        rows.append(("irrep", name, name, 0, 0, 0, np.nan, np.nan, np.nan))
    return pd.DataFrame(rows, columns=columns)


def _parts_of(explanation: GSetExplanation) -> list[Part]:
    return [*explanation.circuits, *explanation.sided, *explanation.signs]


def _shape(part: Part) -> tuple[str, int, int, int]:
    """Kind, order of the stabiliser, number of points and of labels."""
    if isinstance(part, SignTerm):
        return "sign", int((part.character == 1).sum()), 2, 4
    action = part.action if isinstance(part, SidedCircuit) else part.action_x
    kind = "sided" if isinstance(part, SidedCircuit) else "circuit"
    return kind, int((action[:, 0] == 0).sum()), action.shape[1], part.kernel.size


def _direction_variance(tables: Tables, group: Group, part: Part, kept: np.ndarray) -> float:
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


def circuit_picture(circuit: GSetCircuit, group: Group, activation: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two frames that `circuit_plot` draws.

    Args:
        circuit: The circuit.
        group: Its group.
        activation: relu, gelu, square or abs.

    Returns:
        A row for each pair of points (p, q, lam, mu, kernel, neurons, activation at w = e), and one for each element w
        (element, logit, correct): phi(w) = sum of K(p, w q) act(lambda(p) - mu(q)).
    """
    shape = circuit.kernel.shape
    p, q = (index.ravel() for index in np.indices(shape))
    act = activate(circuit.lam[:, None] - circuit.mu, activation)
    neurons = np.bincount(circuit.cells, minlength=shape[0] * shape[1])
    columns = {
        "p": p,
        "q": q,
        "lam": circuit.lam[p],
        "mu": circuit.mu[q],
        "kernel": circuit.kernel[p, q],
        "neurons": neurons,
    }
    logits = np.array([(circuit.kernel[:, moved] * act).sum() for moved in circuit.action_y])
    elements = np.arange(group.order)
    answers = pd.DataFrame({"element": elements, "logit": logits, "correct": elements == group.identity})
    return pd.DataFrame({**columns, "activation": act.ravel()}), answers
