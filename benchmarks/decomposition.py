"""Speed, proof and agreement of the decomposition, against peers on the same games in the same run.

    python benchmarks/decomposition.py --data-dir DIR --cache DIR [--only speed,exact,...] [--seed 0]

Times are CPU time of one thread for games solved alone (other work on the machine then weighs less), and wall time per
game of batches.
"""

import argparse
import platform
import resource
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import scipy
import torch
from games import EPOCHS, games
from peers import highs_generation, highs_reduced, three_block_admm

from lk.decomposition import decompose, decompose_path, optimal_face_range
from lk.decomposition.duality import check
from lk.decomposition.face import Equations, Face, _shortest_step, shortest_point
from lk.decomposition.operator import possible_effects, values_of
from lk.decomposition.path import vertices
from lk.decomposition.problem import problems_of, weights
from lk.decomposition.published import PublishedRule
from lk.transforms import orders

FAMILIES = [(data, kind) for data in ("digits", "mnist") for kind in ("mlp", "cnn")]


def load(arguments, players=(6, 8, 10, 12), count=32, families=FAMILIES):
    data_dir, cache = Path(arguments.data_dir), Path(arguments.cache)
    return {(data, kind): games(data, kind, players, count, data_dir, cache, arguments.seed) for data, kind in families}


def timed(function):
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return result, 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


def alone(v, *arguments, **settings):
    """Each game on one thread: the answers and CPU milliseconds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    answers, times = [], []
    for game in range(v.shape[1]):
        answer, _, cpu = timed(lambda game=game: decompose(v[:, game], *arguments, **settings))
        answers.append(answer)
        times.append(cpu)
    torch.set_num_threads(threads)
    return answers, times


def spread(times):
    return f"{statistics.mean(times):.1f} | {statistics.median(times):.1f} | {max(times):.1f}"


def share(answers, name):
    return f"{sum(bool(getattr(answer, name)) for answer in answers)}/{len(answers)}"


def pick(v, count):
    return v[:, torch.linspace(0, v.shape[1] - 1, count).long()]


def speed(arguments):
    """kappa = 0.04 by epoch."""
    print(
        "| n | epoch | games | CPU ms, one thread: mean | median | worst | batch, wall ms per game | by path | proven "
        "| canonical |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    found = load(arguments)
    for n, count in ((6, 8), (8, 8), (10, 8), (12, 3)):
        for place in range(5) if n < 12 else (0, 4):
            v = torch.cat([pick(found[data, kind][n, EPOCHS[data][place]], count) for data, kind in FAMILIES], 1)
            answers, times = alone(v)
            _, wall, _ = timed(lambda v=v: decompose(v)) if n < 12 else (None, float("nan"), None)
            path = sum(str(answer.method) == "path" for answer in answers)
            name = ("initial", "1", "3", "10", "trained")[place]
            print(
                f"| {n} | {name} | {v.shape[1]} | {spread(times)} | {wall / v.shape[1]:.1f} | {path} | "
                f"{share(answers, 'certified')} | {share(answers, 'canonical')} |",
                flush=True,
            )


def exact(arguments):
    """kappa = 0: canonical, and to a gap."""
    found = load(arguments)
    print("| n | epoch | asked | games | CPU ms, one thread: mean | median | worst | proven | canonical |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n in (8, 10):
        for place in (0, 4):
            v = torch.cat([pick(found[data, kind][n, EPOCHS[data][place]], 4) for data, kind in FAMILIES], 1)
            answers, times = alone(v, 0.0)
            name = ("initial", "", "", "", "trained")[place]
            print(
                f"| {n} | {name} | canonical | {v.shape[1]} | {spread(times)} | {share(answers, 'certified')} | "
                f"{share(answers, 'canonical')} |",
                flush=True,
            )
            for gap in (1e-2, 1e-3):
                v = torch.cat([pick(found[data, kind][n, EPOCHS[data][place]], 8) for data, kind in FAMILIES], 1)
                torch.set_num_threads(1)
                answer, _, cpu = timed(lambda v=v, gap=gap: decompose(v, 0.0, gap, canonical=False))
                torch.set_num_threads(arguments.threads)
                print(
                    f"| {n} | {name} | {gap:.1%}, batch of 32 | 32 | {cpu / 32:.2f} | - | - | "
                    f"{int(answer.certified.sum())}/32 | - |",
                    flush=True,
                )


def peers(arguments):
    """Public ways, same games, same run."""
    found = load(arguments)
    torch.set_num_threads(1)
    print("| n | kappa | method | games | CPU ms per game | above the optimum, worst | ours, CPU ms |")
    print("|---|---|---|---|---|---|---|")
    for n, count in ((8, 2), (10, 1)):
        v = torch.cat([pick(found[data, kind][n, EPOCHS[data][4]], count) for data, kind in FAMILIES], 1)
        for kappa in (0.04, 0.0):
            problems = problems_of(v, kappa, 1e-3, None, weights(n, 5e-4))
            ours, times = alone(v, kappa)
            mean, best = (
                statistics.mean(times),
                [float(answer.lower_bound) / problem.unit for answer, problem in zip(ours, problems, strict=True)],
            )

            def row(method, cpu, reached, best=best, mean=mean, kappa=kappa, n=n):
                above = max(r / b - 1 for r, b in zip(reached, best, strict=False))
                print(
                    f"| {n} | {kappa} | {method} | {len(reached)} | {cpu / len(reached):.0f} | {above:.2%} | "
                    f"{mean:.1f} |",
                    flush=True,
                )

            row(
                "ours",
                mean * len(problems),
                [float(answer.objective) / problem.unit for answer, problem in zip(ours, problems, strict=True)],
            )
            few = problems if n == 8 else problems[:1]
            if kappa:
                reached, _, cpu = timed(
                    lambda problems=problems: [highs_generation(problem.u, problem.bound) for problem in problems]
                )
                row("HiGHS, row and column generation", cpu, reached)
                u, bounds = (
                    np.stack([problem.u for problem in problems], 1),
                    np.array([problem.bound for problem in problems]),
                )
                effects, _, cpu = timed(lambda u=u, bounds=bounds: three_block_admm(u, bounds, 1000))
                checked = [
                    check(u[:, g], bounds[g], effects[:, g], np.zeros(len(u)), possible_effects(n)).objective
                    for g in range(len(problems))
                ]
                row("three-block ADMM, 1 000 steps, batch", cpu, checked)
            else:
                reached, _, cpu = timed(lambda few=few: [highs_reduced(problem.u) for problem in few])
                row("HiGHS on the reduced programme", cpu, reached)
            answers, _, cpu = timed(lambda problems=problems: PublishedRule().solve(problems))
            row(
                "published rule and settings, 10 000 steps",
                cpu,
                [problem.checked(a).objective / problem.unit for problem, a in zip(problems, answers, strict=True)],
            )
    torch.set_num_threads(arguments.threads)


def nasty(arguments):
    """Games with ties and dense games."""
    print("| n | kappa | game | CPU ms | gap | proven | canonical | method |")
    print("|---|---|---|---|---|---|---|---|")
    generator = torch.Generator().manual_seed(arguments.seed)
    for n in (8, 10):
        order = orders(n).double()
        noise = torch.randn(2**n, generator=generator, dtype=torch.float64)
        entry = 1e-3 * noise
        entry[2**n // 3] = 1.0
        ends = noise.clone()
        ends[-1] = ends[0]
        tables = {
            "random table": noise,
            "parity": order % 2,
            "majority": (order > n / 2).double(),
            "one huge entry": entry,
            "v(N) = v(empty)": ends,
            "AND of all": (order == n).double(),
            "OR of all": (order > 0).double(),
            "threshold at 2": (order > 1).double(),
            "additive": order,
            "square of the order": order**2,
        }
        for kappa in (0.04, 0.0):
            for name, v in tables.items():
                (answer,), (cpu,) = alone(v.unsqueeze(1), kappa)
                gap = float((answer.objective - answer.lower_bound) / answer.lower_bound.clamp(min=1e-300))
                print(
                    f"| {n} | {kappa} | {name} | {cpu:.0f} | {gap:.1e} | {bool(answer.certified)} | "
                    f"{bool(answer.canonical)} | {answer.method} |",
                    flush=True,
                )


def large(arguments):
    """n = 14 and 16."""
    found = load(arguments, (14, 16), 2, [("mnist", "mlp")])["mnist", "mlp"]
    print("| n | kappa | epoch | CPU s | gap | proven to 1 % | canonical | method | peak memory, GB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n, kappa in ((14, 0.04), (14, 0.0), (16, 0.04), (16, 0.0)):
        v = found[n, EPOCHS["mnist"][4]][:, 1:2]
        (answer,), (cpu,) = alone(v, kappa, 1e-2, canonical=False)
        gap = float((answer.objective - answer.lower_bound) / answer.lower_bound)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"| {n} | {kappa} | trained | {cpu / 1e3:.1f} | {gap:.1e} | {bool(answer.certified)} | "
            f"{bool(answer.canonical)} | {answer.method} | {memory:.1f} |",
            flush=True,
        )


def agreement(arguments):
    """The same game asked in other ways."""
    found = load(arguments)
    print(
        "| n | kappa | compared | games | largest difference / largest effect | salient sets that differ, threshold "
        "band left out |"
    )
    print("|---|---|---|---|---|---|")
    for n, count in ((8, 4), (10, 2)):
        v = torch.cat(
            [pick(found[data, kind][n, EPOCHS[data][place]], count) for data, kind in FAMILIES for place in (0, 4)], 1
        )
        renaming = torch.randperm(n, generator=torch.Generator().manual_seed(1)).tolist()
        renamed = sum((torch.arange(2**n) >> player & 1) << renaming[player] for player in range(n))
        noisy = v * (
            1 + 2**-24 * (2 * torch.rand(v.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 1)
        )
        moved = torch.empty_like(v)
        moved[renamed] = v
        for kappa in (0.04, 0.0):
            base = decompose(v, kappa)
            ways = {
                "rounding noise of float32": lambda w=noisy, k=kappa: decompose(w, k),
                "players relabelled": lambda m=moved, k=kappa: decompose(m, k),
            }
            ways["alone, one thread"] = lambda v=v, k=kappa: alone(v, k)[0]
            if kappa:
                ways["interior point alone"] = lambda v=v, k=kappa: decompose(v, k, method="interior")
            for name, way in ways.items():
                other = way()
                if isinstance(other, list):
                    and_, or_ = torch.stack([o.and_ for o in other], 1), torch.stack([o.or_ for o in other], 1)
                else:
                    and_, or_ = (x[renamed] if "relabelled" in name else x for x in (other.and_, other.or_))
                a, b = torch.cat([base.and_[1:], base.or_[1:]]), torch.cat([and_[1:], or_[1:]])
                largest = a.abs().amax(0)
                difference = ((a - b).abs().amax(0) / largest).max()
                clear = ((a.abs() - 0.05 * largest).abs() > 0.01 * largest).logical_and(
                    (b.abs() - 0.05 * largest).abs() > 0.01 * largest
                )
                flips = ((a.abs() > 0.05 * largest) != (b.abs() > 0.05 * largest)).logical_and(clear).any(0).sum()
                print(f"| {n} | {kappa} | {name} | {v.shape[1]} | {difference:.1e} | {int(flips)} |", flush=True)


def least_residual(problem):
    """The point of the optimal face with the least residual, ties to the least norm.

    The alternative to the least norm alone.
    """
    bound, weight = problem.inner_bound, problem.weight
    (vertex,) = vertices(problem.u, weight, [bound], np.inf, 16 * len(problem.u))
    equations = Equations(Face.of(vertex.multipliers, bound, weight), len(problem.u))
    point, face = shortest_point(problem.u, bound, equations), equations.face
    start = None if point is None else point.effects
    basis = equations.directions()
    if start is None or not basis.size:
        return start
    free = np.setdiff1d(np.arange(1, len(problem.u)), face.coalitions)
    moves = np.stack([values_of(equations.full(column))[free] for column in basis.T], axis=1)
    residual = (problem.u - values_of(start))[free]
    rotation, triangle = np.linalg.qr(np.concatenate([moves, 1e-4 * np.eye(basis.shape[1])]))
    centre = rotation[: len(free)].T @ residual  # of the unconstrained optimum, in the coordinates triangle @ x
    slopes = np.concatenate([face.effect_sign[:, None] * basis, moves, -moves]) @ np.linalg.inv(triangle)
    needed = (
        np.concatenate([-face.effect_sign * start[face.effects], residual - bound, -residual - bound]) - slopes @ centre
    )
    found = (np.zeros(len(centre)), None) if (needed <= 1e-12).all() else _shortest_step(slopes, needed)
    return None if found is None else start + equations.full(basis @ np.linalg.solve(triangle, found[0] + centre))


def rules(arguments):
    """Which optimum: salient counts and cost of each tie-break, and the range of each order's strength."""
    found = load(arguments)
    v = torch.cat(
        [found[data, kind][8, EPOCHS[data][place]][:, :13] for data, kind in FAMILIES for place in (3, 4)], 1
    )[:, :100]
    best = decompose(v, gap=1e-7, tie_break="none")
    print(
        "| rule | games | salient effects: mean | median | strength above the least, mean | worst | share of strength "
        "in orders 1-2 |"
    )
    print("|---|---|---|---|---|---|---|")
    ways = {
        "a vertex": {"tie_break": "none", "canonical": False, "method": "path"},
        "order weights, then a vertex": {"canonical": False, "method": "path"},
        "least norm alone": {"tie_break": "none"},
        "order weights, then least norm (default)": {},
        "high orders first, then least norm": {"tie_break": "high"},
    }
    low = orders(8) <= 2
    for name, settings in ways.items():
        d = decompose(v, **settings)
        effects = torch.cat([d.and_[1:], d.or_[1:]]).abs()
        salient = (effects > 0.05 * effects.amax(0)).sum(0).double()
        cost = d.objective / best.lower_bound - 1
        strength = (d.and_.abs() + d.or_.abs())[1:]
        print(
            f"| {name} | {v.shape[1]} | {salient.mean():.1f} | {salient.median():.0f} | {cost.mean():.1e} | "
            f"{cost.max():.1e} | {float((strength[low[1:]].sum(0) / strength.sum(0)).mean()):.3f} |",
            flush=True,
        )
    weight = weights(8, 5e-4)
    noisy = v * (
        1 + 2**-24 * (2 * torch.rand(v.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 1)
    )
    points = [
        [least_residual(problem) for problem in problems_of(games, 0.04, 1e-3, None, weight)] for games in (v, noisy)
    ]
    pairs = [pair for pair in zip(*points, strict=True) if pair[0] is not None and pair[1] is not None]
    effects = np.abs(np.stack([pair[0] for pair in pairs], 1))
    salient = (effects > 0.05 * effects.max(0)).sum(0)
    low = np.tile((orders(8) <= 2).numpy(), 2)
    moved = max(np.abs(a - b).max() / np.abs(a).max() for a, b in pairs)
    print(
        f"| order weights, then least residual | {len(pairs)} | {salient.mean():.1f} | {np.median(salient):.0f} | - | "
        f"- | {(effects[low].sum(0) / effects.sum(0)).mean():.3f} |"
    )
    print(f"\nLeast residual: rounding noise of float32 moves an effect by at most {moved:.1e} of the largest.")
    interval, _, cpu = timed(lambda: optimal_face_range(v[:, ::10]))
    width = ((interval.high - interval.low) / best.objective[::10]).mean(1)
    print(
        f"\noptimal_face_range, 10 games, {cpu / 10:.0f} CPU ms per game; mean width by order, share of all strength:",
        [round(x, 3) for x in width.tolist()],
    )


def path(arguments):
    """All kappas from one run."""
    found = load(arguments)
    kappas = [0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.2]
    print("| n | game | 8 kappas, CPU ms | the smallest alone, CPU ms | ratio |")
    print("|---|---|---|---|---|")
    torch.set_num_threads(1)
    ratios = []
    for data, kind in FAMILIES:
        v = found[data, kind][10, EPOCHS[data][4]][:, :3]
        for game in range(3):
            _, _, together = timed(lambda v=v, game=game: decompose_path(v[:, game], kappas))
            _, _, one = timed(lambda v=v, game=game: decompose(v[:, game], 0.005))
            ratios.append(together / one)
            print(f"| 10 | {data} {kind} {game} | {together:.0f} | {one:.0f} | {ratios[-1]:.2f} |", flush=True)
    print(f"\nmedian ratio {statistics.median(ratios):.2f}, worst {max(ratios):.2f}")
    torch.set_num_threads(arguments.threads)


def extraction(arguments):
    """VGG-11 on 32 x 32 images: forward passes of one sample against the decomposition of its five layers."""
    from torchvision.models import vgg11

    torch.manual_seed(arguments.seed)
    network = vgg11(weights=None, num_classes=10).eval()
    with torch.inference_mode():
        x = torch.rand(128, 3, 32, 32)
        network(x)
        _, wall, _ = timed(lambda: [network(x) for _ in range(8)])
    found = load(arguments)
    for place, name in ((0, "initial"), (4, "trained")):
        v = torch.cat([found[data, kind][10, EPOCHS[data][place]][:, :10] for data, kind in FAMILIES], 1)
        _, ours, _ = timed(lambda v=v: decompose(v))
        one, five = wall, 5 * ours / v.shape[1]
        print(
            f"per sample, wall ms: forward of 1 024 masked samples {one:.0f}; decomposition of five games, {name} "
            f"networks {five:.0f}; share {five / (one + five):.1%}",
            flush=True,
        )


SECTIONS = {f.__name__: f for f in (speed, exact, peers, nasty, agreement, rules, path, large, extraction)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True, help="folder with the MNIST files anywhere below it")
    parser.add_argument("--cache", required=True, help="folder for the values of the games")
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore", UserWarning)
    decompose(torch.randn(16, dtype=torch.float64), 0.04)  # compile before the clock runs
    decompose(torch.randn(16, dtype=torch.float64), 0.0)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}, SciPy "
        f"{scipy.__version__}; {arguments.threads} threads, seed {arguments.seed}"
    )
    for name in arguments.only.split(","):
        print(f"\n## {name}: {SECTIONS[name].__doc__}\n", flush=True)
        SECTIONS[name](arguments)


if __name__ == "__main__":
    main()
