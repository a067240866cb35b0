"""Other ways to solve the same linear programme, as plainly as they are used elsewhere."""

import numpy as np
from scipy.optimize import linprog

from lk.decomposition.operator import block_of, possible_effects, sums_where_firing, values_of


def highs_reduced(u: np.ndarray) -> float:
    """kappa = 0: HiGHS on the equality form, effects as differences of non-negative parts."""
    n = len(u).bit_length() - 1
    block = block_of(np.arange(1, len(u)), np.nonzero(possible_effects(n))[0], len(u))
    return float(
        linprog(np.ones(2 * block.shape[1]), A_eq=np.concatenate([block, -block], 1), b_eq=u[1:], method="highs").fun
    )


def highs_generation(u: np.ndarray, bound: float, tolerance: float = 1e-6) -> float:
    """kappa > 0: row and column generation, warm: one HiGHS model grows, each round starts from the basis of the last.

    Each round adds the 100 most violated rows and columns. Effects are differences of non-negative parts; elastic
    columns keep the restricted programme feasible.
    """
    import highspy

    size, n = len(u), len(u).bit_length() - 1
    possible = possible_effects(n)
    model = highspy.Highs()
    model.silent()
    rows, columns = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    new_rows, new_columns = np.argsort(-np.abs(u))[: 4 * n], np.array([1 << player for player in range(n)])
    place: list[tuple[int, int]] = []  # of each effect: its two columns in the model
    while True:
        for row in new_rows[new_rows != 0]:
            fire = np.nonzero(block_of(np.array([row]), columns, size)[0])[0]
            index = np.array([p for effect in fire for p in place[effect]], dtype=np.int32)
            model.addRow(u[row] - bound, u[row] + bound, len(index), index, np.tile([1.0, -1.0], len(fire)))
            for sign in (1.0, -1.0):
                model.addCol(1e3, 0.0, highspy.kHighsInf, 1, np.array([len(rows)], dtype=np.int32), np.array([sign]))
            rows = np.append(rows, row)
        for effect in new_columns:
            fire = np.nonzero(block_of(rows, np.array([effect]), size)[:, 0])[0].astype(np.int32)
            place.append((model.getNumCol(), model.getNumCol() + 1))
            for sign in (1.0, -1.0):
                model.addCol(1.0, 0.0, highspy.kHighsInf, len(fire), fire, np.full(len(fire), sign))
            columns = np.append(columns, effect)
        model.run()
        found = model.getSolution()
        values, dual = np.array(found.col_value), np.array(found.row_dual)
        effects, y = np.zeros(2 * size), np.zeros(size)
        effects[columns] = [values[plus] - values[minus] for plus, minus in place]
        y[rows] = dual
        violation = np.abs(u - values_of(effects)) - bound
        violation[0] = violation[rows] = 0
        steepness = np.where(possible, np.abs(sums_where_firing(y)) - 1, 0)
        steepness[columns] = 0
        new_rows, new_columns = (np.argsort(-excess)[:100] for excess in (violation, steepness))
        new_rows, new_columns = (
            new_rows[violation[new_rows] > tolerance],
            new_columns[steepness[new_columns] > tolerance],
        )
        if not len(new_rows) and not len(new_columns):
            return float(np.abs(effects).sum())


def three_block_admm(u: np.ndarray, bounds: np.ndarray, steps: int, rho: float = 500.0) -> np.ndarray:
    """kappa > 0, batch `(2**n, games)`: ADMM with the dense inverse of I + D D^T, float32; returns feasible effects."""
    size = len(u)
    columns = np.nonzero(possible_effects(size.bit_length() - 1))[0]
    block = block_of(np.arange(1, size), columns, size).astype(np.float32)
    inverse = np.linalg.inv(np.eye(size - 1) + block.astype(np.float64) @ block.T).astype(np.float32)
    target = u[1:].astype(np.float32)
    z = np.zeros((len(columns), u.shape[1]), np.float32)
    r, dual_z, dual_r = np.zeros_like(target), np.zeros_like(z), np.zeros_like(target)
    for _ in range(steps):
        a, b = z - dual_z, r - dual_r
        lift = inverse @ (target - block @ a - b)
        x, s = a + block.T @ lift, b + lift
        z = x + dual_z - np.clip(x + dual_z, -1 / rho, 1 / rho)
        r = np.clip(s + dual_r, -bounds, bounds).astype(np.float32)
        dual_z, dual_r = dual_z + x - z, dual_r + s - r
    x, wide = x.astype(np.float64), block.astype(np.float64)
    rest = u[1:] - wide @ x  # what leaves the bound is moved into effects by least squares
    x += wide.T @ np.linalg.solve(wide @ wide.T, rest - np.clip(rest, -bounds, bounds))
    effects = np.zeros((2 * size, u.shape[1]))
    effects[columns] = x
    return effects
