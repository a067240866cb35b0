"""What a start from the checkpoint before would save: evaluations of the probes, games whose optimal support stays.

uv run python benchmarks/warm_starts.py runs/RUN
"""

import argparse

import torch
from torch.nn.functional import one_hot
from torch.utils.data import Subset

from lk.extraction.probing import drawn_samples
from lk.interactions import Interactions
from lk.probes import Optimum
from lk.probes.logistic import Logistic
from lk.probes.optimum import moments
from lk.probes.probes import collect
from lk.runs import Run


class Started(Logistic):
    """A fit that starts from given weights and biases in place of zeros."""

    start = None

    def point(self, both, tolerance):
        both, self.start = both if self.start is None else self.start, None
        return super().point(both, tolerance)


def evaluations(run, recipe):
    """Step, layer, evaluations from zero and from the checkpoint before, and the largest relative difference."""
    data = run.data()
    network, before = run.network(data), {}
    rows = Subset(data.train, drawn_samples(recipe, data).tolist())
    for step in run.checkpoints:
        run.load(network, step)
        features, y = collect(network.eval(), network.layers, data.batches(rows, 256), recipe.pooling)
        for layer, x in features.items():
            mean, scale = moments(x.double())
            targets = one_hot(y, data.num_classes).double()
            fit = Started((x.double() - mean) / scale, targets, recipe.l2)
            cold = fit.solve(recipe.tolerance, recipe.max_iterations)
            if layer in before:
                fit.start = before[layer]
                warm = fit.solve(recipe.tolerance, recipe.max_iterations)
                apart = float((warm.weight - cold.weight).norm() / cold.weight.norm())
                yield step, layer, cold.evaluations, warm.evaluations, apart
            before[layer] = torch.cat([cold.weight, cold.bias[:, None]], 1)


def same_supports(run, name):
    """Step, and the share of games whose effects in use and their signs are those of the checkpoint before."""
    before = None
    for step, path in run.extracted(name).items():
        found = Interactions.load(path)
        signs = found.effects.sign()
        signs[:, 0] = 0
        if before is not None:
            yield step, float((signs == before).all(0).all(0).double().mean())
        before = signs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--extraction", default="default")
    given = parser.parse_args()
    run = Run(given.run)
    found = list(evaluations(run, Optimum()))
    print("| step | layer | evaluations from zero | from the checkpoint before | difference |\n|---|---|---|---|---|")
    for step, layer, cold, warm, apart in found:
        print(f"| {step} | {layer} | {cold} | {warm} | {apart:.0e} |")
    cold, warm = (sum(row[place] for row in found) for place in (2, 3))
    print(f"\nEvaluations together: {cold} and {warm}, {100 * (warm / cold - 1):+.0f} %.")
    for step, share in same_supports(run, given.extraction):
        print(f"Step {step}: {100 * share:.0f} % of the games have the support of the checkpoint before.")


if __name__ == "__main__":
    main()
