"""Other ways to solve the same linear programme, as plainly as they are used elsewhere."""

import numpy as np
from scipy.optimize import linprog

from lk.interactions.operator import block_of, possible_effects, sums_where_firing, values_of


def highs_reduced(u: np.ndarray) -> float:
    """kappa = 0: HiGHS on the equality form, effects as differences of non-negative parts."""
    n = len(u).bit_length() - 1
    block = block_of(np.arange(1, len(u)), np.nonzero(possible_effects(n))[0], len(u))
    return float(linprog(np.ones(2 * block.shape[1]), A_eq=np.concatenate([block, -block], 1), b_eq=u[1:], method="highs").fun)


def highs_generation(u: np.ndarray, bound: float, tolerance: float = 1e-6) -> float:
    """kappa > 0: row and column generation with HiGHS, from nothing; each round adds the most violated rows and columns."""
    n = len(u).bit_length() - 1
    possible = possible_effects(n)
    rows = np.argsort(-np.abs(u))[: 4 * n]
    rows = rows[rows != 0]
    columns = np.array([1 << player for player in range(n)])
    while True:
        slack = len(rows)  # elastic rows keep the restricted programme feasible
        block = block_of(rows, columns, len(u))
        left = np.concatenate([block, -block, np.eye(slack), -np.eye(slack)], 1)
        price = np.concatenate([np.ones(2 * len(columns)), np.full(2 * slack, 1e3)])
        found = linprog(price, A_ub=np.concatenate([left, -left]), b_ub=np.concatenate([u[rows] + bound, bound - u[rows]]), method="highs")
        effects, y = np.zeros(2 * len(u)), np.zeros(len(u))
        effects[columns] = found.x[: len(columns)] - found.x[len(columns) : 2 * len(columns)]
        y[rows] = found.ineqlin.marginals[:slack] - found.ineqlin.marginals[slack:]
        violation = np.abs(u - values_of(effects)) - bound
        violation[0] = violation[rows] = 0
        steepness = np.where(possible, np.abs(sums_where_firing(y)) - 1, 0)
        steepness[columns] = 0
        new_rows, new_columns = (np.argsort(-excess)[:100] for excess in (violation, steepness))
        new_rows, new_columns = new_rows[violation[new_rows] > tolerance], new_columns[steepness[new_columns] > tolerance]
        if not len(new_rows) and not len(new_columns):
            return float(np.abs(effects).sum())
        rows, columns = np.concatenate([rows, new_rows]), np.concatenate([columns, new_columns])


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
