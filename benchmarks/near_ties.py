"""The canonical flag on games whose values nearly tie: contradictions, shares, times.

    python benchmarks/near_ties.py [--games 8000] [--seed 0] [--without-proof] [--before CHECKOUT]

A contradiction: two answers to one game, met under other names of players, negated, shifted, scaled or (at kappa = 0)
complemented, both flagged canonical, with effects that differ by more than 1e-4 of the largest. `--without-proof`
plants a fault that the table must show: every point of a face is flagged. `--before` times each ordinary game with the
code of another checkout too, in turn; CPU time, one thread.
"""

import argparse
import os
import pickle
import statistics
import subprocess
import sys
import time
import warnings
from collections import defaultdict

import numpy as np
import torch

from lk.decomposition import canonical as proof
from lk.decomposition import decompose

DIFFERENT = 1e-4
NOISES = [10.0**-digits for digits in range(4, 15)]


def bits(n):
    return np.arange(2**n)[:, None] >> np.arange(n) & 1


def tied(n, generator):
    """Values that tie: few ones, entries of -1 to 1, planted integer effects, thresholds, functions of size."""
    present, kind = bits(n), generator.integers(6)
    v = np.zeros(2**n)
    if kind == 0:
        v[generator.choice(np.arange(1, 2**n), generator.integers(1, 3), replace=False)] = 1.0
    elif kind == 1:
        v = generator.integers(-1, 2, 2**n).astype(float)
    elif kind == 2:
        for _ in range(generator.integers(1, 5)):
            shared = np.arange(2**n) & (coalition := generator.integers(1, 2**n))
            v += (
                generator.integers(1, 4)
                * generator.choice([-1, 1])
                * ((shared == coalition) if generator.random() < 0.5 else shared > 0)
            )
    elif kind == 3:
        v = (present @ generator.integers(-2, 3, n) > generator.integers(-1, 3)).astype(float)
    elif kind == 4:
        v = np.abs(present @ generator.integers(-2, 3, n) - generator.integers(0, 3)).astype(float)
    else:
        v = generator.integers(-3, 4, n + 1).astype(float)[present.sum(1)]
    v = v - v[0]
    return v if v.any() else tied(n, generator)


def near_tie(generator):
    n, noise = int(generator.integers(4, 7)), NOISES[generator.integers(len(NOISES))]
    v = tied(n, generator)
    return v + noise * np.abs(v).max() * generator.standard_normal(2**n), noise


def bag_of_words(n, generator):
    """A float32 ReLU network without bias on the summed embeddings of the words present, drawn from four."""
    embedding, first = generator.standard_normal((4, 8)), generator.standard_normal((8, 16)) / np.sqrt(8)
    words = embedding[generator.integers(0, 4, n)]
    return (np.maximum(bits(n) @ words @ first, 0) @ generator.standard_normal(16) / 4).astype(np.float32).astype(float)


def relu_network(n, generator):
    hidden = np.maximum(bits(n) @ generator.standard_normal((n, 20)) - 0.5, 0)
    return np.maximum(hidden @ generator.standard_normal((20, 20)), 0) @ generator.standard_normal(20)


def variants(v, kappa, generator):
    """The same game in other words, each with the way back of its effects."""
    n, index = len(v).bit_length() - 1, np.arange(len(v))
    order = generator.permutation(n)
    renamed = sum((index >> player & 1) << order[player] for player in range(n))
    moved = np.empty_like(v)
    moved[renamed] = v
    found = {
        "itself": (v, lambda a, o: (a, o)),
        "relabelled": (moved, lambda a, o: (a[renamed], o[renamed])),
        "negated": (-v, lambda a, o: (-a, -o)),
        "shifted": (v + 1.7, lambda a, o: (a, o)),
        "times 3.7": (3.7 * v, lambda a, o: (a / 3.7, o / 3.7)),
        "times 2^-40": (2.0**-40 * v, lambda a, o: (2.0**40 * a, 2.0**40 * o)),
    }
    if kappa == 0:
        size = bits(n).sum(1)

        def swapped(a, o):  # AND and OR change places; both kinds are one for single players
            return np.where(size == 1, a + o, o), np.where(size > 1, a, 0.0)

        found["complemented"] = (-v[::-1].copy(), swapped)
    return found


def contradictions(count, seed):
    generator = np.random.default_rng(seed)
    flagged, compared, both, wrong, largest = (defaultdict(int) for _ in range(5))
    for game in range(count):
        kappa = (0.0, 0.04)[game % 2]
        v, noise = near_tie(generator)
        met = variants(v, kappa, generator)
        found = decompose(torch.from_numpy(np.stack([values for values, _ in met.values()], 1)), kappa)
        and_, or_, canonical = found.and_.numpy().copy(), found.or_.numpy(), found.canonical.tolist()
        and_[0] = 0.0
        effects = [np.stack(back(and_[:, place], or_[:, place])) for place, (_, back) in enumerate(met.values())]
        flagged[noise, kappa] += sum(canonical)
        compared[noise, kappa] += len(canonical)
        for name, other, known in list(zip(met, effects, canonical, strict=True))[1:]:
            compared[name] += 1
            if canonical[0] and known:
                difference = np.abs(other - effects[0]).max() / np.abs(effects[0]).max()
                both[name], wrong[name] = both[name] + 1, wrong[name] + (difference > DIFFERENT)
                largest[name] = max(largest[name], difference)
    print(
        "\n| met again | compared | both flagged | contradictions | largest difference / largest effect, both flagged "
        "|\n|---|---|---|---|---|"
    )
    for name in largest:
        print(f"| {name} | {compared[name]} | {both[name]} | {wrong[name]} | {largest[name]:.1e} |")
    print(f"\n{count} games, {sum(wrong.values())} contradictions in {sum(both.values())} comparisons.")
    print("\n| noise | flagged, kappa = 0 | flagged, kappa = .04 |\n|---|---|---|")
    for noise in NOISES:
        print(
            "| "
            + " | ".join(
                [f"{noise:.0e}"] + [f"{flagged[noise, k] / max(compared[noise, k], 1):.1%}" for k in (0.0, 0.04)]
            )
            + " |"
        )
    for kappa in (0.0, 0.04):
        total = [sum(table[noise, kappa] for noise in NOISES) for table in (flagged, compared)]
        print(f"kappa = {kappa}: {total[0]} of {total[1]} flagged, {total[0] / total[1]:.1%}")
    return sum(wrong.values())


def words(seed):
    print("\n| bag of words, n = 5 to 8 | kappa | games | flagged | worst CPU ms |\n|---|---|---|---|---|")
    for kappa in (0.0, 0.04):
        generator = np.random.default_rng(seed)
        answers = [timed(bag_of_words(int(generator.integers(5, 9)), generator), kappa) for _ in range(62)]
        print(f"| | {kappa} | 62 | {sum(flag for _, flag in answers)} | {1e3 * max(cpu for cpu, _ in answers):.0f} |")


def nine(seed, count):
    print("\n| n = 9, near ties | games | flagged | median CPU s | worst |\n|---|---|---|---|---|")
    generator = np.random.default_rng(seed)
    answers = []
    for game in range(count):
        v = tied(9, generator)
        v = v + NOISES[generator.integers(len(NOISES))] * np.abs(v).max() * generator.standard_normal(512)
        answers.append(timed(v, (0.0, 0.04)[game % 2]))
    times = [cpu for cpu, _ in answers]
    print(f"| | {count} | {sum(flag for _, flag in answers)} | {statistics.median(times):.2f} | {max(times):.2f} |")


def timed(v, kappa):
    before = time.process_time()
    flag = bool(decompose(torch.from_numpy(v), kappa).canonical)
    return time.process_time() - before, flag


def serve():
    """Answer games on the standard input, with the code that this process imported."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    while True:
        try:
            v, kappa = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(timed(v, kappa), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def ratios(checkout, seed, count):
    """Ordinary games with both codes in turn, each in a process of its own."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    servers = [
        subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.path.abspath(folder)},
        )
        for folder in (checkout, here)
    ]

    def ask(server, v, kappa):
        pickle.dump((v, kappa), server.stdin)
        server.stdin.flush()
        return pickle.load(server.stdout)

    print(
        "\n| ordinary games (ReLU networks) | kappa | games | CPU time after / before: total | median | flagged before "
        "| after |"
    )
    print("|---|---|---|---|---|---|---|")
    for n in (6, 8, 10):
        for kappa in (0.0, 0.04):
            generator = np.random.default_rng(seed)
            pairs = []
            for game in range(max(count // (1 if n < 10 else 4), 1) + 2):
                v = relu_network(n, generator)
                best = [[ask(server, v, kappa) for server in servers] for _ in range(3)]
                if game > 1:  # the first ones compile
                    pairs.append([(min(turn[side][0] for turn in best), best[0][side][1]) for side in (0, 1)])
            total = sum(after[0] for _, after in pairs) / sum(before[0] for before, _ in pairs)
            median = statistics.median(after[0] / before[0] for before, after in pairs)
            flags = [sum(pair[side][1] for pair in pairs) for side in (0, 1)]
            print(
                f"| n = {n} | {kappa} | {len(pairs)} | {total:.2f} | {median:.2f} | {flags[0]} | {flags[1]} |",
                flush=True,
            )
    for server in servers:
        server.stdin.close()
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=8000)
    parser.add_argument("--words", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--nine", type=int, default=40)
    parser.add_argument("--ordinary", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-proof", action="store_true")
    parser.add_argument("--before")
    parser.add_argument("--serve", action="store_true")
    arguments = parser.parse_args()
    if arguments.serve:
        return serve()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if arguments.without_proof:
        proof.is_canonical = lambda *_: True
    wrong = contradictions(arguments.games, arguments.seed) if arguments.games else 0
    if not arguments.without_proof:
        if arguments.words:
            words(arguments.seed)
        if arguments.nine:
            nine(arguments.seed, arguments.nine)
    if arguments.before:
        ratios(arguments.before, arguments.seed, arguments.ordinary)
    return int((wrong > 0) != arguments.without_proof)


if __name__ == "__main__":
    sys.exit(main())
