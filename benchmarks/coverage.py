"""How often 95 % intervals hold the truth, and how often `compare` and `findings` see a difference where there is none.

Everything is simulated with the product's own functions, on samples whose truth is known.

    python benchmarks/coverage.py [TABLE ...] [--draws 4000] [--seed 0]
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from lk.metrics.intervals import divide, interval, jackknife
from lk.metrics.wilson import wilson
from lk.paper.findings import over_runs
from lk.studies.differences import difference
from lk.studies.verdict import UNDECIDED, judge

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Draw = Callable[[np.random.Generator, tuple[int, ...]], tuple[Floats, Floats]]
TRUTH_OF_SHARES = 0.4


# ---- what is drawn: numerator and denominator of each sample
def mean_of(draw: Callable[[np.random.Generator, tuple[int, ...]], Floats]) -> Draw:
    """A mean is a ratio whose denominator is 1."""
    return lambda rng, shape: (draw(rng, shape), np.ones(shape))


def shares(sigma: float, carried: float = 1.0) -> Draw:
    """A completeness: lognormal strength of the reference, of which a layer holds 40 % on average.

    Zero in all but `carried` of the samples.
    """

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        whole = rng.lognormal(0, sigma, shape) * (rng.random(shape) < carried)
        return whole * rng.beta(2, 3, shape), whole

    return draw


def two_layers(sigma: float) -> Draw:
    """The difference of two completenesses on the same samples: both move with the sample."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        whole, common = rng.lognormal(0, sigma, shape), rng.beta(4, 6, shape)
        one, other = (np.clip(common + rng.normal(0, 0.1, shape), 0, 1) for _ in range(2))
        return (one - other) * whole, whole

    return draw


def paired(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """The difference of two strengths that move together with the sample."""
    common = rng.normal(0, 0.7, shape)
    return rng.lognormal(common, 0.5) - rng.lognormal(common, 0.5)


CASES: dict[str, tuple[Draw, float]] = {
    "mean, normal": (mean_of(lambda rng, shape: rng.normal(size=shape)), 0.0),
    "mean, lognormal (sigma 1)": (mean_of(lambda rng, shape: rng.lognormal(size=shape)), np.exp(0.5)),
    "mean, exponential": (mean_of(lambda rng, shape: rng.exponential(size=shape)), 1.0),
    "mean, chi-square (1)": (mean_of(lambda rng, shape: rng.chisquare(1, shape)), 1.0),
    "mean, Student's t (3)": (mean_of(lambda rng, shape: rng.standard_t(3, shape)), 0.0),
    "mean of counts, geometric": (mean_of(lambda rng, shape: rng.geometric(0.1, shape) - 1.0), 9.0),
    "mean of strengths that a tenth has": (
        mean_of(lambda rng, shape: rng.lognormal(0, 0.5, shape) * (rng.random(shape) < 0.1)),
        0.1 * np.exp(0.125),
    ),
    "ratio (sigma 0.5)": (shares(0.5), TRUTH_OF_SHARES),
    "ratio (sigma 1)": (shares(1.0), TRUTH_OF_SHARES),
    "ratio that a tenth carries (sigma 0.5)": (shares(0.5, 0.1), TRUTH_OF_SHARES),
    "ratio that a tenth carries (sigma 1)": (shares(1.0, 0.1), TRUTH_OF_SHARES),
    "ratio that three tenths carry (sigma 0.5)": (shares(0.5, 0.3), TRUTH_OF_SHARES),
    "paired difference of means": (mean_of(paired), 0.0),
    "paired difference of ratios (sigma 0.5)": (two_layers(0.5), 0.0),
    "paired difference of ratios (sigma 1)": (two_layers(1.0), 0.0),
}


# ---- tables
def row(*cells: object) -> None:
    """One row of a Markdown table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def header(*cells: object) -> None:
    """The head of a Markdown table."""
    row(*cells)
    row(*["---"] * len(cells))


def percent(hits: Floats) -> str:
    """A share and its standard error, in percent."""
    if not len(hits):
        return "–"
    share = float(np.mean(hits))
    return f"{100 * share:.1f} ± {100 * np.sqrt(share * (1 - share) / len(hits)):.1f}"


def coverage(sizes: list[int], draws: int, seed: int) -> None:
    """Share of the intervals that hold the truth, of those that are given, and share that is refused."""
    header("what", *(f"n = {n}" for n in sizes))
    for name, (draw, truth) in CASES.items():
        cells = []
        for n in sizes:
            part, whole = draw(np.random.default_rng(seed), (n, draws))
            weights = jackknife(n)
            _, low, high, _ = interval(divide(weights @ part, weights @ whole))
            given = np.isfinite(low) & np.isfinite(high)
            held = ((low <= truth) & (high >= truth))[given]
            few = (
                "refused"
                if not given.any()
                else f"(refused {100 * (1 - given.mean()):.0f} %)"
                if not given.all()
                else ""
            )
            shown = percent(held) if given.mean() >= 0.02 else "–"
            cells.append(" ".join(text for text in (shown if given.any() else "", few) if text))
        row(name, *cells)


def length(sizes: list[int], draws: int, seed: int) -> None:
    """What coverage costs: median length of the intervals, relative to Student's t with the true standard error."""
    header("median length, relative to that of Student's t", *(f"n = {n}" for n in sizes))
    from scipy.stats import t as student

    for name in ("mean, normal", "mean, lognormal (sigma 1)", "mean, exponential"):
        draw, _ = CASES[name]
        cells = []
        for n in sizes:
            part, _ = draw(np.random.default_rng(seed), (n, draws))
            _, low, high, _ = interval(jackknife(n) @ part)
            theirs = 2 * student.ppf(0.975, n - 1) * part.std(0, ddof=1) / np.sqrt(n)
            given = np.isfinite(low)
            cells.append(f"{np.median((high - low)[given] / theirs[given]):.2f}" if given.any() else "refused")
        row(name, *cells)


# Deviations of: seeds of one architecture, of the other, samples (the same for both), architecture by sample, run by
# sample.
WORLDS = {
    "seeds (deviation 1), samples in common, noise of a run on a sample (0.5)": (1.0, 1.0, 1.0, 0.0, 0.5),
    "the same, seeds hardly differ (0.1)": (0.1, 0.1, 1.0, 0.0, 0.5),
    "the same, architectures differ on single samples (3)": (1.0, 1.0, 1.0, 3.0, 0.5),
    "no difference of seeds, architectures differ on single samples (1)": (0.0, 0.0, 1.0, 1.0, 0.5),
    "seeds of one architecture differ three times as much": (1.0, 3.0, 1.0, 0.0, 0.5),
    "the same, and architectures differ on single samples (3)": (1.0, 3.0, 1.0, 3.0, 0.5),
}


def two_architectures(
    rng: np.random.Generator, world: tuple[float, ...], samples: int, seeds: int
) -> tuple[Floats, Floats]:
    """Values of the runs of two architectures that do not differ in general, each `(samples, seeds)`."""
    own, other, common, apart, noise = world
    base, between = common * rng.normal(size=(samples, 1)), apart * rng.normal(size=(samples, 1))
    sides = []
    for deviation, shift in ((own, between), (other, 0.0)):
        sides.append(base + shift + deviation * rng.normal(size=seeds) + noise * rng.normal(size=(samples, seeds)))
    return sides[0], sides[1]


def alarms_of_compare(samples: int, seeds: list[int], draws: int, seed: int) -> None:
    """How often two architectures are called different at 5 %, before Holm's correction, though they are not."""
    header(f"two architectures, {samples} samples", *(f"{count} seeds each" for count in seeds))
    weights = jackknife(samples)
    for name, world in WORLDS.items():
        cells = []
        for count in seeds:
            rng, alarms = np.random.default_rng(seed), []
            for _ in range(draws):
                a, b = two_architectures(rng, world, samples, count)
                alarms.append(float(difference(weights @ a, weights @ b).p) < 0.05)
            cells.append(percent(np.array(alarms)))
        row(name, *cells)


def power_of_compare(samples: int, seeds: list[int], draws: int, seed: int) -> None:
    """How often a true difference of two architectures is found, in the first world."""
    header(f"true difference, {samples} samples", *(f"{count} seeds each" for count in seeds))
    weights = jackknife(samples)
    for shift in (1.0, 2.0, 4.0):
        cells = []
        for count in seeds:
            rng, found = np.random.default_rng(seed), []
            for _ in range(draws):
                a, b = two_architectures(rng, next(iter(WORLDS.values())), samples, count)
                found.append(float(difference(weights @ (a + shift), weights @ b).p) < 0.05)
            cells.append(percent(np.array(found)))
        row(f"{shift:g} deviations of a seed", *cells)


def alarms_of_findings(sizes: list[int], seeds: list[int], draws: int, seed: int) -> None:
    """How often a contrast that is zero in general gets a verdict, and p below 5 %."""
    header("contrast that is zero", "seeds", *(f"n = {n}: verdict / p < 0.05" for n in sizes))
    for name in (
        "mean, normal",
        "mean, lognormal (sigma 1)",
        "ratio (sigma 0.5)",
        "paired difference of ratios (sigma 0.5)",
    ):
        draw, truth = CASES[name]
        for count in seeds:
            cells = []
            for n in sizes:
                rng, weights, verdicts, low_p = np.random.default_rng(seed), jackknife(n), [], []
                part, whole = draw(rng, (n, draws * count))
                drawn = divide(weights @ part, weights @ whole).reshape(len(weights), draws, count) - truth
                spread = (
                    3 * np.nanstd(drawn[0]) if count > 1 else 0.0
                )  # seeds differ more than the choice of samples makes them
                drawn = drawn + spread * rng.normal(size=(draws, count))
                for each in drawn.transpose(1, 0, 2):
                    found = judge(over_runs(np.ascontiguousarray(each)))
                    verdicts.append(found["verdict"] != UNDECIDED)
                    low_p.append(float(found["p"]) < 0.05)
                cells.append(f"{percent(np.array(verdicts))} / {percent(np.array(low_p))}")
            row(name, count, *cells)


def shares_of_samples(draws: int, seed: int) -> None:
    """Coverage of Wilson's interval, which proportions keep."""
    sizes = (10, 20, 50, 100, 500)
    header("proportion, Wilson", *(f"n = {n}" for n in sizes))
    for truth in (0.5, 0.8, 0.9, 0.95, 0.99):
        cells = []
        for n in sizes:
            share = np.random.default_rng(seed).binomial(n, truth, draws) / n
            low, high = wilson(share, np.full(draws, n))
            cells.append(percent((low <= truth) & (high >= truth)))
        row(truth, *cells)


TABLES = {
    "coverage": (
        "Coverage of 95 % intervals, % ± its standard error",
        lambda n, seed: coverage([5, 10, 20, 30, 100], n, seed),
    ),
    "length": ("Length", lambda n, seed: length([5, 10, 20, 30, 100], n, seed)),
    "compare": (
        "False alarms of compare at 5 %, before Holm, % ± standard error",
        lambda n, seed: alarms_of_compare(20, [3, 5, 10], n, seed),
    ),
    "power": ("Differences that compare finds, %", lambda n, seed: power_of_compare(20, [3, 5, 10], n, seed)),
    "findings": (
        "False alarms of findings at 5 %, before Holm, % ± standard error",
        lambda n, seed: alarms_of_findings([10, 20, 30], [1, 3, 5], n, seed),
    ),
    "proportions": ("Proportions", lambda n, seed: shares_of_samples(5 * n, seed)),
}

if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "tables", nargs="*", default=list(TABLES), metavar="TABLE", help=f"which of {', '.join(TABLES)}; default all"
    )
    options.add_argument("--draws", type=int, default=4000, help="data sets per cell")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    start = time.process_time()
    print(f"lk.metrics.interval; {given.draws} data sets per cell, seed {given.seed}")
    for name in given.tables:
        title, make = TABLES[name]
        print(f"\n### {title}\n")
        make(given.draws, given.seed)
    print(f"\n{time.process_time() - start:.0f} s of CPU")
