"""Why `gset` leaves networks of a group run open.

Which part of each irrep's logits is equivariant at all, and on which side.

    OMP_NUM_THREADS=1 python benchmarks/mixed_networks.py RUN SEED [SEED ...] [--step STEP]

The logits that the neurons of one irrep bring, without what depends on z and one input alone (which no verifier needs
to explain), are projected to functions of w = x^-1 z y^-1 (every circuit on G-sets is one), of (x^-1 z, y), of (z y^-1,
x), and to sums of the last two (every circuit of one side is in one of these spaces). What a projection leaves, as a
share of the variance, is a lower bound of what *any* such circuit leaves: a large share shows that there is none,
whatever a finder does.
"""

import argparse
import warnings

import numpy as np

from lk.finders.contributions import ACTIVE, contributions
from lk.groups import irreps, power
from lk.proofs import Tables
from lk.proofs.activation import apply
from lk.runs import Run


def interaction(logits):
    """Logits about their mean over z, without the parts that depend on z and on x or y alone."""
    logits = logits - logits.mean(2, keepdims=True)
    return logits - logits.mean(0) - logits.mean(1, keepdims=True) + logits.mean((0, 1))


def unexplained(logits, group):
    """Shares of the variance that functions of w, of the left, of the right side, and sums of both leave.

    Axes x, y, z.
    """
    n, inverse = group.order, group.inverse
    x, y, z = np.ogrid[:n, :n, :n]
    from_left, from_right = group.table[inverse[x], z], group.table[z, inverse[y]]
    of_w = means(logits, group.table[from_left, inverse[y]])
    left, right = means(logits, from_left * n + y), means(logits, from_right * n + x)
    whole = max(float((logits**2).sum()), 1e-300)
    return [float(((logits - part) ** 2).sum()) / whole for part in (of_w, left, right, left + right - of_w)]


def means(logits, keys):
    """The mean over all entries with the same key, in the place of each."""
    keys = np.broadcast_to(keys, logits.shape).ravel()
    return (np.bincount(keys, logits.ravel()) / np.maximum(np.bincount(keys), 1))[keys].reshape(logits.shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--step", type=int, help="default: the last checkpoint")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    run = Run(arguments.run)
    data = run.data()
    group, network = data.group, run.network(data)
    run.load(network, arguments.step if arguments.step is not None else max(run.checkpoints))
    folded, known = network.tables(), irreps(group)
    print(
        "| network | irrep | neurons | share of the logits | left open by functions of w | left side | right side | "
        "both sides |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for seed in arguments.seeds:
        one = folded.seed(seed)
        tables = Tables(*(array.numpy() for array in (one.left, one.right, one.unembed, one.bias)), one.activation)
        left, right, unembed, _ = tables.doubles()
        sizes = contributions(tables)
        active = np.flatnonzero(sizes > ACTIVE * sizes.max())
        centred = [table[:, active] - table[:, active].mean(0) for table in (left, right, unembed)]
        own = np.array([sum(power(table, irrep) for table in centred) for irrep in known]).argmax(0)
        logits = {}
        for k in np.unique(own).tolist():
            mine = active[own == k]
            logits[k] = interaction(apply(left[:, None, mine] + right[:, mine], tables.activation) @ unembed[:, mine].T)
        total = sum(float(part.var(2).sum()) for part in logits.values())
        for k, part in logits.items():
            shares = " | ".join(f"{share:.3f}" for share in unexplained(part, group))
            print(
                f"| {seed} | {known[k].name} | {(own == k).sum()} | {part.var(2).sum() / total:.2f} | {shares} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
