"""What an explanation says, in rows: its circuits, its sign terms, its irreps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lk.groups import Group, Irrep, stabiliser
from lk.metrics import irrep_power
from lk.metrics.logits import activate
from lk.proofs import FourierExplanation, GSetCircuit, GSetExplanation

COLUMNS = ["part", "kind", "irrep", "power", "stabiliser", "points_x", "points_y", "neurons", "pairs", "covered"]


def describe_circuits(
    group: Group, irreps: Sequence[Irrep], circuits: GSetExplanation | None, fourier: FourierExplanation | None
) -> pd.DataFrame:
    """One row for each part of the explanations of one network.

    Args:
        group: The group.
        irreps: All its irreps.
        circuits: Explanation by circuits.
        fourier: Explanation by irreps.

    Returns:
        Columns part (number within its kind), kind (`circuit`, `sign`, `irrep`), irrep (the one that holds most of it) and its power;
        for circuits the order of the stabiliser of a point, the points of X and Y, neurons, and how many of all pairs (p, q) have one.
    """
    rows: list[tuple[object, ...]] = []

    def name(functions: np.ndarray) -> tuple[str, float]:
        shares = irrep_power(functions, irreps)
        return irreps[int(shares.argmax())].name, float(shares.max())

    for number, part in enumerate([] if circuits is None else circuits.circuits):
        points = part.action_x.shape[1], part.action_y.shape[1]
        size = len(stabiliser(part.action_x, 0))
        covered = len(np.unique(part.cells))
        rows.append((number, "circuit", *name(part.tables(group)[0]), size, *points, len(part.neurons), points[0] * points[1], covered))
    for number, term in enumerate([] if circuits is None else circuits.signs):
        covered = len(np.unique(term.cells))
        character = term.character[:, None].astype(np.float64)
        rows.append((number, "sign", *name(character), group.order // 2, 2, 2, len(term.neurons), 4, covered))
    for number, matrices in enumerate([] if fourier is None else fourier.matrices):
        rows.append((number, "irrep", *name(matrices.reshape(len(matrices), -1)), 0, 0, 0, 0, 0, 0))
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
    columns = {"p": p, "q": q, "lam": circuit.lam[p], "mu": circuit.mu[q], "kernel": circuit.kernel[p, q], "neurons": neurons}
    logits = np.array([(circuit.kernel[:, moved] * act).sum() for moved in circuit.action_y])
    elements = np.arange(group.order)
    answers = pd.DataFrame({"element": elements, "logit": logits, "correct": elements == group.identity})
    return pd.DataFrame({**columns, "activation": act.ravel()}), answers
