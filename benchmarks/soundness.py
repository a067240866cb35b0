"""Does any certificate claim too much? Random networks and explanations against an exact oracle, and planted bugs.

    python benchmarks/soundness.py [--cases 6500] [--seed 0] [--run RUN]

A case is a network and its explanations; every verifier runs on it. Each certified pair must be right, and each slack
at most the true gap. Networks are given in float32 and in float64, some by the factors of left and right; their scales
go from 2^-140 to 2^59, what float32 holds, those of explanations from 2^-1000 to 2^1000.
With `--run`, also the networks of a group run at every checkpoint, as they are and perturbed, with the explanations
found from their own weights, those of another seed, and tampered ones.
"""

import argparse
import time

import numpy as np
from sound.attacks import ATTACKS, attack
from sound.bugs import BUGS, bug
from sound.cases import KINDS, Zoo, network
from sound.judge import Tally, certificates

from lk.certification.certify import folded as stored_networks
from lk.finders import find_cosets, find_fourier, find_gset, ideal
from lk.groups import irreps
from lk.proofs import Tables
from lk.runs import Run


def trained(path, zoo, seed, seeds, first_step):
    """Networks of a run, half-trained and trained, perturbed or not, with right, wrong and tampered explanations."""
    run = Run(path)
    data = run.data()
    group = data.group
    zoo.irreps.setdefault(group.name, irreps(group))
    network = run.network(data)
    for step in (step for step in run.checkpoints if step >= first_step):
        run.load(network, step)
        others = None
        for number, given in enumerate(list(stored_networks(network).values())[:seeds]):
            rng = np.random.default_rng([seed, step, number])
            if number % 3 == 2:
                sigma = 10.0 ** rng.uniform(-4, -1)
                arrays = [
                    array + sigma * array.std() * rng.normal(size=array.shape)
                    for array in (given.left, given.right, given.unembed, given.bias)
                ]
                given = Tables(*arrays, given.activation)
            found = find_gset(given, group)[0], find_fourier(given, group)[0], find_cosets(given, group)
            how = ATTACKS[rng.integers(len(ATTACKS))]
            explanations = found if how == "none" or others is None else others
            if how != "none" and found[0].circuits:
                explanations = attack(rng, zoo, group, given, found[0], how)
            others = found
            yield f"step {step}", how, group, given, explanations


def run(cases, seed, zoo=None, first=0):
    """Built networks and their explanations, judged."""
    zoo = zoo or Zoo()
    tally = Tally()
    for case in range(first, first + cases):
        rng = np.random.default_rng([seed, case])
        kind, how = KINDS[case % len(KINDS)], ATTACKS[rng.integers(len(ATTACKS))]
        group, tables, explanation = network(rng, zoo, kind)
        if (
            kind == "believed"
        ):  # the network does what a false explanation says: only the check of the explanation can tell
            explanation = attack(
                rng, zoo, group, tables, explanation, ("missing", "action", "labels", "kernel")[rng.integers(4)]
            )[0]
            tables, how = (
                ideal(group, explanation.circuits, explanation.signs, tables.width, tables.activation)[0],
                "none",
            )
        tally.judge(
            (case, kind),
            how,
            group,
            tables,
            certificates(group, tables, attack(rng, zoo, group, tables, explanation, how), int(rng.integers(1, 5))),
        )
    return tally


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=6500)
    parser.add_argument("--bug-cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", action="append", default=[], help="a group run; may be given several times")
    parser.add_argument("--seeds", type=int, default=100, help="networks of each checkpoint of a run")
    parser.add_argument("--first-step", type=int, default=0, help="leave out earlier checkpoints of a run")
    arguments = parser.parse_args()
    zoo, start = Zoo(), time.perf_counter()
    run(arguments.cases, arguments.seed, zoo).report(f"{arguments.cases} built networks", time.perf_counter() - start)
    for path in arguments.run:
        tally, start, count = Tally(), time.perf_counter(), 0
        for label, how, group, tables, explanations in trained(
            path, zoo, arguments.seed, arguments.seeds, arguments.first_step
        ):
            rank = sum(rho.shape[1] ** 2 for rho in explanations[1].matrices)
            tally.judge(label, how, group, tables, certificates(group, tables, explanations, rank))
            count += 1
        tally.report(f"{count} networks of {path}", time.perf_counter() - start)
    for name in BUGS:
        with bug(name):
            found = run(arguments.bug_cases, arguments.seed, zoo).violations
        print(f"  planted: {name}: {f'caught in {len(found)} runs' if found else 'NOT CAUGHT'}")


if __name__ == "__main__":
    main()
