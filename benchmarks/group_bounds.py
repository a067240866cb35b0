"""Certified accuracy of the networks of a group run: by verifier, and under caps on the cost relative to brute force.

    OMP_NUM_THREADS=1 python benchmarks/group_bounds.py RUN [--seeds 100] [--step STEP] [--table FILE]

Finding an explanation is not timed, checking it is. Every bound is that of the best of the candidates that the finders
propose.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd

from lk.certification.certify import folded
from lk.finders import find_cosets, find_fourier, find_gset, find_lookup
from lk.groups import irreps, subgroups
from lk.proofs import at, brute_force, cascade, coset, gset, irrep, lookup, lowrank, schur
from lk.runs import Run

CAPS = (0.10, 0.15, 0.30, 0.50, 0.75, 1.0)
GOOD = 0.95


def certificates(tables, group, known, stabilisers):
    """Every certificate of one network: `(verifier, candidate, certificate)`."""
    circuits, fourier = find_gset(tables, group, known, stabilisers), find_fourier(tables, group, known)
    yield "brute_force", 0, brute_force(tables, group)
    for number, candidate in enumerate(circuits):
        yield "irrep", number, irrep(tables, group, candidate)
        yield "gset", number, gset(tables, group, candidate)
    for number, candidate in enumerate(fourier):
        yield "schur", number, schur(tables, group, candidate)
    looked_up = find_lookup(tables, group, known, stabilisers)
    for number, candidate in enumerate(looked_up):
        yield "lookup", number, lookup(tables, group, candidate)
    for number, candidate in enumerate(fourier[:3]):
        rank = min(group.order - 1, sum(rho.shape[1] ** 2 for rho in candidate.matrices))
        if candidate.clusters is None:
            yield "lowrank", number, lowrank(tables, group, rank)
        yield (
            "cascade",
            number,
            cascade(tables, group, circuits[0], candidate, rank, lookups=looked_up[0] if looked_up else None),
        )
    yield "coset", 0, coset(tables, group, find_cosets(tables, group))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--step", type=int, help="default: the last checkpoint")
    parser.add_argument("--table", help="also write every certificate to this Parquet file")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    run = Run(arguments.run)
    data = run.data()
    group, network = data.group, run.network(data)
    step = arguments.step if arguments.step is not None else max(run.checkpoints)
    run.load(network, step)
    known, stabilisers = irreps(group), subgroups(group)
    rows, start = [], time.perf_counter()
    for seed, tables in list(folded(network).items())[: arguments.seeds]:
        for verifier, candidate, found in certificates(tables, group, known, stabilisers):
            row = {
                "seed": seed,
                "verifier": verifier,
                "candidate": candidate,
                "bound": found.bound,
                "cost": found.cost,
                "seconds": found.seconds,
            }
            caps = {cap: at(found, cap) if verifier == "cascade" else found.bound * (found.cost <= cap) for cap in CAPS}
            rows.append({**row, **{f"within {cap:.2f}": bound for cap, bound in caps.items()}})
    frame = pd.DataFrame(rows)
    if arguments.table:
        frame.to_parquet(arguments.table, index=False)
    seeds = frame["seed"].nunique()
    exact = frame[frame["verifier"] == "brute_force"]["bound"]
    print(
        f"{group.name}, step {step}, {seeds} networks, width {network.width}; {time.perf_counter() - start:.0f} s with "
        "the finders"
    )
    print(f"true accuracy: mean {exact.mean():.5f}, least {exact.min():.5f}\n")
    print(f"| verifier | mean bound | share with bound >= {GOOD} | share with bound 0 | median cost | median ms |")
    print("|---|---|---|---|---|---|")
    order = ["irrep", "coset", "gset", "schur", "lookup", "lowrank", "cascade", "brute_force"]
    best = (
        frame.sort_values(["bound", "cost"], ascending=[False, True])
        .groupby(["verifier", "seed"], as_index=False)
        .first()
    )
    for verifier in order:
        one = best[best["verifier"] == verifier]
        print(
            f"| {verifier} | {one['bound'].mean():.3f} | {(one['bound'] >= GOOD).mean():.0%} | "
            f"{(one['bound'] == 0).mean():.0%} | {one['cost'].median():.3f} | {1e3 * one['seconds'].median():.1f} |"
        )
    print(
        f"\nShare of networks with bound >= {GOOD} (mean bound) within a cap on operations relative to brute force:\n"
    )
    print("| verifier | " + " | ".join(f"{cap:.2f}" for cap in CAPS) + " |")
    print("|---" * (len(CAPS) + 1) + "|")
    names = [f"within {cap:.2f}" for cap in CAPS]
    groups = [
        (verifier, frame[frame["verifier"] == verifier])
        for verifier in ("irrep", "gset", "schur", "lookup", "lowrank", "cascade")
    ]
    for verifier, part in [*groups, ("the best of all", frame)]:
        within = part.groupby("seed")[names].max()
        print(
            f"| {verifier} | "
            + " | ".join(f"{(within[n] >= GOOD).mean():.0%} ({within[n].mean():.3f})" for n in names)
            + " |"
        )
    certified = best[(best["bound"] >= GOOD) & best["verifier"].isin(["gset", "schur", "lookup", "cascade"])]
    cheapest = certified.groupby("seed")["cost"].min()
    print(
        f"\nCheapest proof of {GOOD}: median cost {np.median(cheapest) if len(cheapest) else float('nan'):.3f} of "
        f"{len(cheapest)} networks."
    )


if __name__ == "__main__":
    main()
