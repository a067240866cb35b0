"""Does any certificate claim too much? Random networks and explanations of every kind, against an exact oracle, and planted bugs.

    python benchmarks/soundness.py [--cases 2500] [--seed 0] [--run RUN]

A case is a network and its explanations; every verifier runs on it. Each certified pair must be right, and each slack at most the true gap.
With `--run`, also the networks of a group run at every checkpoint, as they are and perturbed, with the explanations found from their own
weights, those of another seed, and tampered ones.
"""

import argparse
import collections
import contextlib
import dataclasses
import itertools
import sys
import time
from fractions import Fraction
from unittest import mock

import numpy as np

from lk.groups import Alternating, Cyclic, Dihedral, Quaternion, Symmetric, coset_action, irreps, orbitals, subgroups
from lk.proofs import (
    Clusters,
    CosetCluster,
    CosetExplanation,
    FourierExplanation,
    GSetExplanation,
    Tables,
    brute_force,
    circuit,
    coset,
    find_cosets,
    find_fourier,
    find_gset,
    find_lookup,
    gset,
    ideal,
    irrep,
    lookup,
    lowrank,
    margin,
    schur,
    separable,
    sign_term,
)
from lk.runs import Run

KINDS = ("exact", "noise", "exact", "offset", "partial", "wild", "noise", "tie", "exact", "flipped", "wild", "random", "believed")
ATTACKS = (*["none"] * 12, "labels", "action", "kernel", "weights", "scales", "nan", "random", "irreps", "missing", "sign")


class Zoo:
    """Small groups with their subgroups, irreps and homomorphisms to +-1, made once."""

    def __init__(self):
        self.groups = [Symmetric(3), Cyclic(4), Cyclic(5), Dihedral(4), Quaternion(8), Alternating(4), Symmetric(4)]
        self.chances = np.array([6, 2, 2, 4, 3, 4, 1.0]) / 22
        self.subgroups = {group.name: [np.asarray(h) for h in subgroups(group) if 2 <= group.order // len(h) <= 8] for group in self.groups}
        self.irreps = {group.name: irreps(group) for group in self.groups}
        self.signs = {
            group.name: [np.rint(r.character).astype(int) for r in self.irreps[group.name] if r.dimension == 1 and r.character.min() < 0]
            for group in self.groups
        }


def random_circuit(rng, zoo, group, first):
    """A circuit whose ideal is right more often than not; float32 values, so that the network holds it exactly."""
    best = None
    for _ in range(10):
        subgroup = zoo.subgroups[group.name][rng.integers(len(zoo.subgroups[group.name]))]
        action = coset_action(group, subgroup)
        k = action.shape[1]
        labels = orbitals(group, action, action)
        lam, kernel = rng.normal(size=k).astype(np.float32), rng.normal(size=labels.max() + 1).astype(np.float32)[labels]
        kernel = np.where(np.eye(k) > 0, -np.abs(kernel), kernel)
        part = circuit(group, action, lam, lam, kernel, first)
        score = margin(GSetExplanation((part,), (), group.order, first + k * k), group)
        if best is None or score > best[0]:
            best = score, part
    return best[1]


def network(rng, zoo, kind):
    """A group, a network and the explanation that it was built from."""
    group = zoo.groups[rng.choice(len(zoo.groups), p=zoo.chances)]
    activation = rng.choice(["relu", "relu", "relu", "abs", "square"])
    parts, first = [], 0
    for _ in range(1 + (rng.random() < 0.3)):
        parts.append(random_circuit(rng, zoo, group, first))
        first += len(parts[-1].neurons)
    signs = []
    if zoo.signs[group.name] and rng.random() < 0.3:
        signs = [sign_term(zoo.signs[group.name][0], first, *rng.normal(size=2).astype(np.float32) * 0.3)]
        first += 4
    if kind in ("noise", "exact"):  # neurons of different sizes
        parts = [dataclasses.replace(part, scales=np.exp(0.3 * rng.normal(size=len(part.neurons)))) for part in parts]
    if kind == "flipped":
        parts = [dataclasses.replace(part, kernel=-part.kernel) for part in parts]
    if kind == "tie":  # one circuit on cosets of a subgroup that acts like a smaller group: exact ties
        parts, signs = parts[:1], []
    if kind == "offset":
        shift = np.float32(2.0 ** rng.integers(4, 24))
        parts = [dataclasses.replace(p, lam=np.float32(p.lam + shift), mu=np.float32(p.mu + shift)) for p in parts]
    extra = int(rng.integers(0, 6))
    tables, explanation = ideal(group, parts, signs, max(first + extra, 1), activation)
    arrays = [np.array(getattr(tables, name)) for name in ("left", "right", "unembed", "bias")]
    if kind == "noise":
        sigma = 10.0 ** rng.uniform(-7, -1)
        arrays = [array + sigma * rng.normal(size=array.shape) * (array.std() + 1e-3) for array in arrays]
    if kind == "random":
        arrays = [rng.normal(size=array.shape) for array in arrays]
    if kind == "partial":  # leftover neurons do something else
        arrays = [array + (array == 0) * rng.normal(size=array.shape) * 10.0 ** rng.uniform(-5, -1) for array in arrays]
    if kind == "wild":
        arrays = [array * 2.0 ** rng.integers(-30, 30) for array in arrays]
    return group, Tables(*arrays, activation), explanation


def attack(rng, zoo, group, tables, explanation, how):
    """Explanations of all kinds, tampered with."""
    parts = list(explanation.circuits)
    part = parts[0]
    points = part.action_x.shape[1]
    if how == "labels":
        part = dataclasses.replace(part, p=rng.integers(points, size=len(part.p)), q=rng.integers(points, size=len(part.q)))
    elif how == "action":
        action = part.action_x.copy()
        action[rng.integers(group.order)] = rng.permutation(points)
        part = dataclasses.replace(part, action_x=action)
    elif how == "kernel":
        part = dataclasses.replace(part, kernel=part.kernel + rng.normal(size=part.kernel.shape))
    elif how == "weights":
        part = dataclasses.replace(part, weights=rng.normal(size=len(part.weights)) * 10.0 ** rng.integers(-3, 4))
    elif how == "scales":
        part = dataclasses.replace(part, scales=part.scales * 10.0 ** rng.uniform(-8, 8, len(part.scales)))
    elif how == "nan":
        part = dataclasses.replace(part, lam=np.where(np.arange(points) == 0, np.nan, part.lam))
    elif how == "random":
        part = dataclasses.replace(part, lam=rng.normal(size=points), mu=rng.normal(size=points))
    elif how == "missing":
        keep = rng.permutation(len(part.neurons))[: max(1, len(part.neurons) - 1)]
        part = dataclasses.replace(part, **{name: getattr(part, name)[keep] for name in ("neurons", "p", "q", "weights", "scales")})
    parts[0] = part
    signs = explanation.signs
    if how == "sign" and signs:
        character = signs[0].character.copy()
        character[rng.integers(group.order)] *= -1
        signs = (dataclasses.replace(signs[0], character=character),)
    circuits = dataclasses.replace(explanation, circuits=tuple(parts), signs=signs)
    known = zoo.irreps[group.name][1:]
    matrices = tuple(r.matrices for r in known if rng.random() < 0.8) or (known[0].matrices,)
    if how == "irreps":
        damage = 10.0 ** rng.uniform(-17, 0)
        matrices = tuple(m + damage * rng.normal(size=m.shape) for m in matrices)
    clusters = None
    size = sum(m.shape[1] ** 2 for m in matrices)
    if rng.random() < 0.3:
        labels = rng.integers(-1, tables.width, tables.width)
        directions = rng.normal(size=(size, tables.width))
        if rng.random() < 0.7:  # a direction for each neuron: the exact one
            basis = np.hstack([m.reshape(group.order, -1) * m.shape[1] for m in matrices]) / group.order
            labels, directions = np.arange(tables.width), basis.T @ (tables.unembed - tables.unembed.mean(0))
        clusters = Clusters(labels, np.ones(tables.width), directions)
    fourier = FourierExplanation(matrices, group.order, tables.width, clusters, rng.random())
    cosets = []
    for part in parts:
        half = np.array_split(rng.permutation(part.neurons), 2)
        for neurons in half:
            left = part.action_x[group.inverse, 0] if rng.random() < 0.7 else rng.integers(3, size=group.order)
            cosets.append(CosetCluster(neurons, left, part.action_y[:, 0]))
    return circuits, fourier, CosetExplanation(tuple(cosets), group.order, tables.width)


def true_gaps(group, tables):
    """f(xy) - max of the others in extended precision; exactly, in fractions, where that is close to zero."""
    left, right, unembed, bias = (np.asarray(t, np.longdouble) for t in (tables.left, tables.right, tables.unembed, tables.bias))
    h = left[:, None] + right[None]
    h = {"relu": lambda: np.maximum(h, 0), "abs": lambda: np.abs(h), "square": lambda: h * h}[tables.activation]()
    logits = np.einsum("xyi,zi->xyz", h, unembed) + bias
    scale = np.einsum("xyi,i->xy", h, np.abs(unembed).max(0)) + np.abs(bias).max()
    n = group.order
    xs, ys = np.indices((n, n))
    correct = logits[xs, ys, group.table].copy()
    logits[xs, ys, group.table] = -np.inf
    gaps = correct - logits.max(2)
    right_answers = gaps > 0
    for x, y in np.argwhere(np.abs(gaps) <= 1e-16 * scale):
        right_answers[x, y] = exactly_right(
            group, tables, int(x), int(y), np.flatnonzero(correct[x, y] - logits[x, y] <= 1e-15 * scale[x, y])
        )
    return gaps, right_answers, scale


def exactly_right(group, tables, x, y, rivals):
    act = {"relu": lambda t: max(t, 0), "abs": abs, "square": lambda t: t * t}[tables.activation]
    z = int(group.table[x, y])
    pairs = zip(tables.left[x].tolist(), tables.right[y].tolist(), strict=True)
    h = [act(Fraction(a) + Fraction(b)) for a, b in pairs]

    def logit(k):
        return sum((Fraction(u) * v for u, v in zip(tables.unembed[k].tolist(), h, strict=True)), Fraction(float(tables.bias[k])))

    return all(logit(z) > logit(int(k)) for k in rivals if k != z)


def certificates(group, tables, explanations, rank):
    circuits, fourier, cosets = explanations
    with np.errstate(all="ignore"):
        yield brute_force(tables, group)
        yield gset(tables, group, circuits)
        yield irrep(tables, group, circuits)
        yield separable(tables, group, circuits)
        yield schur(tables, group, fourier)
        yield lowrank(tables, group, rank)
        yield coset(tables, group, cosets)
        given = find_lookup(tables, group)[0]
        if group.order % 2:  # what is looked up may be anything: a false value leaves more to the rest
            given = dataclasses.replace(given, columns=given.columns * 1.01, offset=given.offset[::-1].copy())
        yield lookup(tables, group, given)


def trained(path, zoo, seed, seeds, first_step):
    """Networks of a run: half-trained and trained, as they are and perturbed, with explanations right, wrong and tampered with."""
    run = Run(path)
    data = run.data()
    group = data.group
    zoo.irreps.setdefault(group.name, irreps(group))
    network = run.network(data)
    for step in (step for step in run.checkpoints if step >= first_step):
        run.load(network, step)
        tables = network.tables()
        others = None
        for number in range(min(seeds, network.seeds)):
            rng = np.random.default_rng([seed, step, number])
            one = tables.seed(number)
            arrays = [array.numpy() for array in (one.left, one.right, one.unembed, one.bias)]
            if number % 3 == 2:
                sigma = 10.0 ** rng.uniform(-4, -1)
                arrays = [array + sigma * array.std() * rng.normal(size=array.shape) for array in arrays]
            given = Tables(*arrays, one.activation)
            found = find_gset(given, group)[0], find_fourier(given, group)[0], find_cosets(given, group)
            how = ATTACKS[rng.integers(len(ATTACKS))]
            explanations = found if how == "none" or others is None else others
            if how != "none" and found[0].circuits:
                explanations = attack(rng, zoo, group, given, found[0], how)
            others = found
            yield f"step {step}", how, group, given, explanations


class Tally:
    """Violations, and for each verifier the number of runs and of bounds above zero."""

    def __init__(self):
        self.violations, self.runs, self.positive = [], collections.Counter(), collections.Counter()

    def judge(self, label, how, group, tables, given):
        gaps, right, scale = true_gaps(group, tables)
        for certificate in given:
            self.runs[certificate.verifier] += 1
            self.positive[certificate.verifier] += certificate.bound > 0
            over = certificate.slack > gaps + 1e-15 * scale
            wrong = certificate.certified & ~right
            exact = certificate.accuracy is not None and certificate.accuracy != right.mean()
            if wrong.any() or over.any() or exact:
                self.violations.append((label, how, certificate.verifier, int(wrong.sum()), int(over.sum())))

    def report(self, what, seconds):
        print(f"{what}, {sum(self.runs.values())} certificates, {seconds:.0f} s: {len(self.violations)} violations")
        for line in itertools.islice(self.violations, 20):
            print("  ", line)
        for name, count in self.runs.items():
            print(f"  {name:16s} {count:6d} runs, {self.positive[name] / count:.1%} bounds above zero")
        checked = [name for name in self.runs if name != "brute_force"]
        share = sum(self.positive[name] for name in checked) / sum(self.runs[name] for name in checked)
        print(f"  without brute force: {share:.1%} bounds above zero", flush=True)


def run(cases, seed, zoo=None, first=0):
    """Built networks and their explanations, judged."""
    zoo = zoo or Zoo()
    tally = Tally()
    for case in range(first, first + cases):
        rng = np.random.default_rng([seed, case])
        kind, how = KINDS[case % len(KINDS)], ATTACKS[rng.integers(len(ATTACKS))]
        group, tables, explanation = network(rng, zoo, kind)
        if kind == "believed":  # the network does what a false explanation says: only the check of the explanation can tell
            explanation = attack(rng, zoo, group, tables, explanation, ("missing", "action", "labels", "kernel")[rng.integers(4)])[0]
            tables, how = ideal(group, explanation.circuits, explanation.signs, tables.width, tables.activation)[0], "none"
        tally.judge(
            (case, kind),
            how,
            group,
            tables,
            certificates(group, tables, attack(rng, zoo, group, tables, explanation, how), int(rng.integers(1, 5))),
        )
    return tally


@contextlib.contextmanager
def bug(name):
    """The real code with one small function replaced."""
    original = {
        "labels": sys.modules["lk.proofs.class_gaps"].class_labels,
        "doubles": Tables.doubles,
    }
    cache = {}

    def missing_class(group):
        labels = original["labels"](group)
        return np.where(labels == labels.max(), -1, labels) if labels.max() > 0 else labels

    def wrong_element(ideal, group, activation):
        e = group.identity
        logits = ideal.unembed @ np.maximum(ideal.left[e] + ideal.right[e], 0) + ideal.bias
        return float(logits.max() - np.delete(logits, logits.argmax()).max()), 0.0

    def stale(tables):
        return cache.setdefault((tables.left.shape, tables.activation), original["doubles"](tables))

    def unrounded(gap, rounding, folding):
        return np.where(np.isfinite(gap), gap, -np.inf)

    patches = {
        "dropped error term": [("residual:combine", lambda holder, norm: 0.0 * holder.sum(0))],
        "norm over the wrong axis": [
            ("residual:largest_norm", lambda columns, weights: float(np.sqrt((columns**2 / weights).sum(0).max())))
        ],
        "a missing class": [("class_gaps:class_labels", missing_class)],
        "no slack": [(f"{module}:decide", unrounded) for module in ("gset", "schur", "irrep", "lookup", "lowrank", "coset", "separable")],
        "trust in a label": [("gset:_refuse_shares", lambda *_: None)],
        "the margin at the wrong element": [("gset:ideal_margin", wrong_element)],
        "a stale table": [("Tables:doubles", stale)],
        "trust in an action": [("gset:is_action", lambda *_: True), ("gset:is_invariant", lambda *_: True)],
    }
    with contextlib.ExitStack() as stack:
        for target, replacement in patches[name]:
            module, _, function = target.partition(":")
            owner = (
                Tables if module == "Tables" else sys.modules[f"lk.proofs.{module}"]
            )  # functions of lk.proofs hide modules of their name
            stack.enter_context(mock.patch.object(owner, function, replacement))
        yield


BUGS = (
    "dropped error term",
    "norm over the wrong axis",
    "a missing class",
    "no slack",
    "trust in a label",
    "the margin at the wrong element",
    "a stale table",
    "trust in an action",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2500)
    parser.add_argument("--bug-cases", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", action="append", default=[], help="a group run; may be given several times")
    parser.add_argument("--seeds", type=int, default=100, help="networks of each checkpoint of a run")
    parser.add_argument("--first-step", type=int, default=0, help="leave out earlier checkpoints of a run")
    arguments = parser.parse_args()
    zoo, start = Zoo(), time.perf_counter()
    run(arguments.cases, arguments.seed, zoo).report(f"{arguments.cases} built networks", time.perf_counter() - start)
    for path in arguments.run:
        tally, start, count = Tally(), time.perf_counter(), 0
        for label, how, group, tables, explanations in trained(path, zoo, arguments.seed, arguments.seeds, arguments.first_step):
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
