"""Speed of the Moebius transform.

Against copying the same bytes, dense matrices and shapiq's exact computation, in one run.

python benchmarks/transforms.py [--games 1000] [--seed 0]
"""

import argparse
import platform
import time

import numpy as np
import shapiq
import torch

from lk.transforms import harsanyi


def milliseconds(function, repeats=40):
    """Least CPU time of one thread: other work on the machine then weighs less than in wall time."""
    function()
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        function()
        times.append(1e3 * (time.thread_time() - start))
    return min(times)


def dense(n):
    """The Moebius matrix, (2**n, 2**n), as public code builds it."""
    index = torch.arange(2**n)
    subset = (index[None] & index[:, None]) == index[None]
    order = torch.tensor([int(i).bit_count() for i in index])
    return torch.where(subset, (-1.0) ** (order[:, None] - order[None]), 0.0)


def shapiq_exact(v, n):
    bits = 1 << np.arange(n)
    computer = shapiq.ExactComputer(game=lambda present: v[present @ bits], n_players=n)
    return computer("Moebius")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--players", default="8,10,12,14,16")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, shapiq, {torch.get_num_threads()} threads, "
        f"float32, seed {arguments.seed}\n"
    )
    print(
        "| n | games | ours, us per game | share of the bandwidth of a fresh copy | of a copy onto memory in use "
        "| dense matrix, us per game | times faster | shapiq exact, ms per game |"
    )
    print("|---|---|---|---|---|---|---|---|")
    generator = torch.Generator().manual_seed(arguments.seed)
    for n in map(int, arguments.players.split(",")):
        v = torch.randn(2**n, arguments.games, generator=generator)
        out = torch.empty_like(v)
        ours, copy = milliseconds(lambda v=v: harsanyi(v)), milliseconds(lambda v=v, out=out: out.copy_(v))
        fresh = milliseconds(lambda v=v: v.clone())
        line = (
            f"| {n} | {arguments.games} | {1e3 * ours / arguments.games:.2f} | {fresh / ours:.0%} | {copy / ours:.0%} "
        )
        if n <= 12:
            matrix = dense(n)
            peer = milliseconds(lambda m=matrix, v=v: m @ v, 3 if n < 12 else 1)
            line += f"| {1e3 * peer / arguments.games:.1f} | {peer / ours:.1f} "
        else:
            line += f"| {4**n * 4 / 2**30:.0f} GiB needed | - "
        if n <= 12:
            exact = milliseconds(lambda v=v, n=n: shapiq_exact(v[:, 0].double().numpy(), n), 1)
            line += f"| {exact:.0f} |"
        else:
            line += "| - |"
        print(line, flush=True)
    for n in (20, 22, 24):
        v = torch.randn(2**n, generator=generator)
        print(f"| {n} | 1 | {1e3 * milliseconds(lambda v=v: harsanyi(v), 3):.0f} | - | - | - | - | - |", flush=True)


if __name__ == "__main__":
    main()
