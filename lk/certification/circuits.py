"""What an explanation says, in rows: its circuits, its sign terms, its irreps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lk.finders import describe_circuits
from lk.groups import Group, Irrep
from lk.metrics import irrep_power
from lk.metrics.logits import activate
from lk.proofs import FourierExplanation, GSetCircuit, GSetExplanation, Tables

COLUMNS = [
    "kind",
    "name",
    "irrep",
    "stabiliser",
    "points",
    "neurons",
    "coverage",
    "direction_variance",
    "unembed_share",
]


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
        Columns kind (`circuit`, `sided`, `sign`, `irrep`), name, irrep; for all but the last the order of the stabiliser of a point, the number of
        points and of neurons, coverage, direction_variance (Var(a) / |a|^2) and unembed_share (see `lk.finders.FoundCircuit`).
    """
    rows: list[tuple[object, ...]] = []
    described = [] if circuits is None else describe_circuits(tables, group, circuits, irreps)
    kinds = (
        []
        if circuits is None
        else ["circuit"] * len(circuits.circuits) + ["sided"] * len(circuits.sided) + ["sign"] * len(circuits.signs)
    )
    for kind, part in zip(kinds, described, strict=True):
        numbers = part.neurons, part.coverage, part.direction_variance, part.unembed_share
        rows.append((kind, part.name, part.irrep, len(part.stabiliser), part.points, *numbers))
    for matrices in () if fourier is None else fourier.matrices:
        shares = irrep_power(matrices.reshape(len(matrices), -1), irreps)
        name = irreps[int(shares.argmax())].name
        rows.append(("irrep", name, name, 0, 0, 0, np.nan, np.nan, np.nan))
    return pd.DataFrame(rows, columns=COLUMNS)


def circuit_picture(circuit: GSetCircuit, group: Group, activation: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a picture of a circuit shows.

    Args:
        circuit: The circuit.
        group: Its group.
        activation: relu, gelu, square or abs.

    Returns:
        A row for each pair of points (p, q, lam, mu, kernel, neurons, activation at w = e), and one for each element w (element, logit,
        correct): phi(w) = sum of K(p, w q) act(lambda(p) - mu(q)).
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
