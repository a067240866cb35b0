"""Operations and wall time of the verifiers against brute force, on built networks of S4, A5, S5, A6 and S6 with noise.

OMP_NUM_THREADS=1 python benchmarks/proofs.py [--noise 0.01] [--repeat 3]
"""

import argparse
from operator import attrgetter

import numpy as np

from lk.finders import ideal, rho_set
from lk.groups import Alternating, Symmetric, irreps
from lk.proofs import Clusters, FourierExplanation, Tables, brute_force, gset, irrep, lowrank, schur, separable

WIDTHS = {Symmetric(4): 64, Alternating(5): 128, Symmetric(5): 128, Alternating(6): 256, Symmetric(6): 256}


def built(group, width, noise, seed=0):
    """The standard representation of a permutation group: degree^2 neurons, noise relative to each table."""
    degree, rng = group.permutations.shape[1], np.random.default_rng(seed)
    point = np.flatnonzero(group.permutations[:, -1] == degree - 1)
    standard = next(
        r for r in irreps(group) if r.dimension == degree - 1 and np.abs(r.matrices[point].mean(0)).max() > 0.01
    )
    direction = rng.normal(size=degree - 1)
    exact, explanation = ideal(
        group, [rho_set(group, standard.matrices, point, direction / np.linalg.norm(direction))], width=width
    )
    arrays = [np.array(getattr(exact, name)) for name in ("left", "right", "unembed", "bias")]
    tables = Tables(*(array + noise * array.std() * rng.normal(size=array.shape) for array in arrays))
    used = np.arange(width) < degree**2
    basis = standard.matrices.reshape(group.order, -1) * (degree - 1) / group.order
    clusters = Clusters(
        np.where(used, np.arange(width), -1),
        np.ones(width),
        (basis.T @ (exact.unembed - exact.unembed.mean(0)))[:, : degree**2],
    )
    return group, tables, explanation, FourierExplanation((standard.matrices,), group.order, width, None), clusters


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{'n':>4} {'m':>4} {'verifier':16} {'bound':>6} {'cost':>7} {'seconds':>9} {'faster':>7}")
    for group, width in WIDTHS.items():
        degree, (_, tables, circuits, fourier, clusters) = (
            group.permutations.shape[1],
            built(group, width, arguments.noise),
        )
        clustered = FourierExplanation(fourier.matrices, fourier.order, width, clusters)
        runs = [
            (brute_force, ()),
            (separable, (circuits,)),
            (irrep, (circuits,)),
            (gset, (circuits,)),
            (schur, (clustered,)),
            (schur, (fourier,)),
            (lowrank, ((degree - 1) ** 2,)),
        ]
        yardstick = None
        for verify, explanation in runs:
            verify(tables, group, *explanation)  # compiled
            best = min(
                (verify(tables, group, *explanation) for _ in range(arguments.repeat)), key=attrgetter("seconds")
            )
            yardstick = yardstick or best.seconds
            print(
                f"{group.order:4} {width:4} {best.verifier:16} {best.bound:6.3f} {best.cost:7.3f} {best.seconds:9.4f} "
                f"{yardstick / best.seconds:7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
