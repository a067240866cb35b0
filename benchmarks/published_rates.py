"""Why the published rule counts thousands of salient interactions at twelve players.

Its last step is too long for the transform.

A step of rate r along the sign of all effects moves an effect by up to r / (1 - momentum) times the largest eigenvalue
of the AND transform times its transpose, ((3 + sqrt 5) / 2)^n: 15 127 for ten players, 103 682 for twelve. So the rule
trembles, and a longer game trembles more. Here the last rate alone is lowered, on games that `analyze.py paper` stored.

python benchmarks/published_rates.py runs/paper/mnist-resnet20-0 runs/paper/cifar10-resnet20-0 \
    [--extraction paper] [--samples 5]
"""

import argparse

import numpy as np
import torch
from safetensors.torch import load_file

from lk.decomposition import decompose
from lk.decomposition.problem import problems_of, weights
from lk.decomposition.published import PublishedRule
from lk.interactions import Interactions
from lk.paper.final_checkpoint import evenly
from lk.runs import Run, step_name

RATES = ((10_000, 1e-5, 1e-6), (10_000, 1e-5, 1e-7), (10_000, 1e-5, 1e-8), (40_000, 1e-5, 1e-8))


def salient(effects, ratio):
    strength = np.abs(effects)
    return strength > ratio * strength.max()


def measures(found, canonical, ratio):
    """Salient interactions, intersection over union with the canonical salient set, strength over the canonical one.

    Means over games.
    """
    sets = [(salient(a, ratio), salient(b, ratio)) for a, b in zip(found, canonical, strict=True)]
    count = np.mean([a.sum() for a, _ in sets])
    agreement = np.mean([(a & b).sum() / (a | b).sum() for a, b in sets])
    strength = np.mean([np.abs(a).sum() / np.abs(b).sum() for a, b in zip(found, canonical, strict=True)])
    return f"{count:.1f}", f"{agreement:.2f}", f"{strength:.1f}"


def row(cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--extraction", default="paper")
    parser.add_argument("--samples", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    row(
        (
            "run",
            "n",
            "games",
            "steps",
            "rates",
            "salient",
            "agreement with the canonical set",
            "strength over the optimum",
        )
    )
    row(["---"] * 8)
    for path in options.runs:
        run = Run(path)
        folder = run.extraction(options.extraction) / step_name(max(run.checkpoints))
        stored = Interactions.load(folder / "interactions.safetensors")
        kappa, ratio = stored.kappa, stored.salience_ratio
        values = load_file(folder / "values.safetensors")["values"][:, -1].double()
        values = values[:, evenly(values.shape[1], options.samples)]
        best = decompose(values, kappa)
        both = torch.cat([best.and_, best.or_])
        both[[0, len(values)]] = 0  # the empty coalition is not counted, below neither
        canonical = both.T.numpy()
        problems = problems_of(values, kappa, 1e-3, None, weights(stored.n_players, 0.0))
        row((run.id, stored.n_players, len(problems), "", "canonical", *measures(canonical, canonical, ratio)))
        for steps, rate, last in RATES:
            found = [
                problem.unit * answer.effects
                for problem, answer in zip(problems, PublishedRule(steps, rate, last).solve(problems), strict=True)
            ]
            for each in found:
                each[[0, len(values)]] = 0
            row(
                (
                    run.id,
                    stored.n_players,
                    len(problems),
                    steps,
                    f"{rate:g} to {last:g}",
                    *measures(found, canonical, ratio),
                )
            )


if __name__ == "__main__":
    main()
