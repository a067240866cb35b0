"""Does any certificate claim too much? Random networks and explanations of every kind, against an exact oracle, and planted bugs.

    python benchmarks/soundness.py [--cases 6500] [--seed 0] [--run RUN]

A case is a network and its explanations; every verifier runs on it. Each certified pair must be right, and each slack at most the true gap.
Networks are given in float32 and in float64, some by the factors of left and right; their scales go from 2^-140 to 2^59, what float32 holds,
those of explanations from 2^-1000 to 2^1000.
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

from lk.certification.certify import folded as stored_networks
from lk.finders import circuit, find_cosets, find_fourier, find_gset, find_lookup, ideal, margin, sign_term
from lk.groups import Alternating, Cyclic, Dihedral, Quaternion, Symmetric, coset_action, irreps, orbitals, subgroups
from lk.proofs import (
    Clusters,
    CosetCluster,
    CosetExplanation,
    Factors,
    FourierExplanation,
    GSetExplanation,
    SidedCircuit,
    Tables,
    brute_force,
    coset,
    executed,
    gset,
    irrep,
    lookup,
    lowrank,
    schur,
    separable,
)
from lk.proofs.exact import Exact
from lk.runs import Run

KINDS = (
    "exact", "noise", "scaled", "offset", "exact", "partial", "scaled", "tie", "noise", "folded", "exact", "sided", "flipped", "scaled", "wild", "exact",
    "random", "believed", "silent", "folded", "noise",
)  # fmt: skip
ATTACKS = (
    *["none"] * 28,
    "labels", "action", "kernel", "weights", "scales", "nan", "random", "irreps", "missing", "sign", "small", "huge", "overlap", "repeat", "empty",
)  # fmt: skip
LEAST, MOST = -140, 59  # exponents of two that float32 tables may have


class Zoo:
    """Small groups with their subgroups, irreps and homomorphisms to +-1, made once."""

    def __init__(self):
        self.groups = [Symmetric(3), Cyclic(4), Cyclic(5), Dihedral(4), Quaternion(8), Alternating(4), Symmetric(4)]
        self.chances = np.array([6, 2, 2, 4, 3, 4, 1.0]) / 22
        self.subgroups = {
            group.name: [np.asarray(h) for h in subgroups(group) if 2 <= group.order // len(h) <= 8]
            for group in self.groups
        }
        self.irreps = {group.name: irreps(group) for group in self.groups}
        self.signs = {
            group.name: [
                np.rint(r.character).astype(int)
                for r in self.irreps[group.name]
                if r.dimension == 1 and r.character.min() < 0
            ]
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
        lam, kernel = (
            rng.normal(size=k).astype(np.float32),
            rng.normal(size=labels.max() + 1).astype(np.float32)[labels],
        )
        kernel = np.where(np.eye(k) > 0, -np.abs(kernel), kernel)
        part = circuit(action, lam, lam, kernel, first)
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
    if kind in ("noise", "exact", "scaled"):  # neurons of different sizes
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
    if kind == "scaled":
        arrays, explanation = scaled(rng, arrays, explanation, activation)
    if (
        kind == "silent"
    ):  # all logits are equal; the explanation claims that only wrong answers are negative, at any scale
        arrays[2:] = [np.zeros_like(array) for array in arrays[2:]]
        small = 2.0 ** float(
            rng.integers(-1000, 0) if rng.random() < 0.5 else rng.integers(-690, -545)
        )  # where squares underflow
        explanation = dataclasses.replace(
            explanation,
            circuits=tuple(dataclasses.replace(p, kernel=-small * np.eye(len(p.lam))) for p in explanation.circuits),
            signs=(),
        )
    if kind == "sided":
        explanation = dataclasses.replace(
            explanation, circuits=(), sided=tuple(one_sided(part, group) for part in explanation.circuits)
        )
    dtype = (np.float32, np.float64)[rng.integers(2)]
    arrays = [array.astype(dtype) for array in arrays]
    if kind == "folded":
        return group, folded(rng, arrays, activation), explanation
    return group, Tables(*arrays, activation), explanation


def scaled(rng, arrays, explanation, activation):
    """Network and explanation times powers of two, as far as float32 reaches: nothing is rounded, so that all bounds stay."""
    most = MOST - 6 - int(np.ceil(np.log2(max(np.abs(array).max() for array in arrays) + 1.0)))
    inputs, outputs = (int(rng.integers(-100, min(most, 50))) for _ in range(2))
    hidden = 2 * inputs if activation == "square" else inputs
    outputs = min(outputs, most - max(hidden, 0))
    powers = [2.0**exponent for exponent in (inputs, inputs, outputs, hidden + outputs)]
    circuits = tuple(
        dataclasses.replace(part, lam=part.lam * powers[0], mu=part.mu * powers[0], kernel=part.kernel * powers[2])
        for part in explanation.circuits
    )
    signs = tuple(
        dataclasses.replace(
            term, scales=term.scales * powers[0], both=term.both * powers[3], mixed=term.mixed * powers[3]
        )
        for term in explanation.signs
    )
    return [array * power for array, power in zip(arrays, powers, strict=True)], dataclasses.replace(
        explanation, circuits=circuits, signs=signs
    )


def folded(rng, arrays, activation):
    """The network as factors: left plus a product too small for float32, but not for exact numbers."""
    factors = []
    for table in arrays[:2]:
        n, m = table.shape
        small = rng.integers(-3, 4, size=(n, 1)) * 2.0 ** -int(rng.integers(20, 32))
        factors += [np.hstack([table, small]), np.vstack([np.eye(m), rng.integers(-3, 4, size=(1, m))])]
    return Tables.fold(Factors(*factors), *arrays[2:], activation)


def one_sided(part, group):
    """The same neurons as a circuit that is equivariant on the left: a column for each point q."""
    points = part.action_y.shape[1]
    other = np.stack([-part.mu[part.action_y[:, q]] for q in range(points)])
    return SidedCircuit(
        part.action_x,
        np.tile(part.lam, (points, 1)),
        other,
        part.kernel.T.copy(),
        part.neurons,
        part.p,
        part.q,
        part.weights,
        part.scales,
    )


def attack(rng, zoo, group, tables, explanation, how):
    """Explanations of all kinds, tampered with."""
    parts = list(explanation.circuits) or [random_circuit(rng, zoo, group, 0)]
    part = parts[0]
    points = part.action_x.shape[1]
    if how == "labels":
        part = dataclasses.replace(
            part, p=rng.integers(points, size=len(part.p)), q=rng.integers(points, size=len(part.q))
        )
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
    elif how in ("small", "huge"):
        ends = (-1000, 0) if how == "small" else (0, 1000)
        names = ["lam", "mu", "kernel", "scales"]
        part = dataclasses.replace(
            part,
            **{name: getattr(part, name) * 2.0 ** float(rng.integers(*ends)) for name in names if rng.random() < 0.5},
        )
    elif how == "overlap":
        parts.append(dataclasses.replace(part, neurons=rng.permutation(part.neurons)))
    elif how == "repeat":
        parts.append(part)
    elif how == "empty":
        nothing = {name: getattr(part, name)[:0] for name in ("neurons", "p", "q", "weights", "scales")}
        parts.append(dataclasses.replace(part, **nothing))
    elif how == "missing":
        keep = rng.permutation(len(part.neurons))[: max(1, len(part.neurons) - 1)]
        part = dataclasses.replace(
            part, **{name: getattr(part, name)[keep] for name in ("neurons", "p", "q", "weights", "scales")}
        )
    if explanation.circuits or how != "none":
        parts[0] = part
    else:
        parts = []
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
    if how == "small":
        matrices = tuple(m * 2.0 ** float(rng.integers(-1000, 0)) for m in matrices)
    cosets = []
    if rng.random() < 0.6:  # each element alone: everything is known of these neurons
        cosets = [CosetCluster(np.arange(tables.width), np.arange(group.order), np.arange(group.order))]
        parts = []
    for part in parts:
        half = np.array_split(rng.permutation(part.neurons), 2)
        for neurons in half:
            left = part.action_x[group.inverse, 0] if rng.random() < 0.7 else rng.integers(3, size=group.order)
            cosets.append(CosetCluster(neurons, left, part.action_y[:, 0]))
    return circuits, fourier, CosetExplanation(tuple(cosets), group.order, tables.width)


def true_gaps(group, tables):
    """f(xy) - max of the others in extended precision; exactly, in fractions, where that is close to zero."""
    left, right, unembed, bias = (
        np.asarray(t, np.longdouble) for t in (tables.left, tables.right, tables.unembed, tables.bias)
    )
    if tables.factors is not None:
        left, right = (
            np.matmul(*(np.asarray(t, np.longdouble) for t in tables.factors.of(side))) for side in ("left", "right")
        )
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
    h = [act(a + b) for a, b in zip(exact_row(tables, "left", x), exact_row(tables, "right", y), strict=True)]

    def logit(k):
        return sum(
            (Fraction(u) * v for u, v in zip(tables.unembed[k].tolist(), h, strict=True)),
            Fraction(float(tables.bias[k])),
        )

    return all(logit(z) > logit(int(k)) for k in rivals if k != z)


def exact_row(tables, side, element):
    if tables.factors is None:
        return [Fraction(v) for v in getattr(tables, side)[element].tolist()]
    embed, weight = tables.factors.of(side)
    row = [Fraction(v) for v in embed[element].tolist()]
    return [sum(e * Fraction(w) for e, w in zip(row, column, strict=True)) for column in weight.T.tolist()]


def forward(tables):
    """Logits in float32 as a plain forward pass computes them, shape `(n, n, n)`."""
    left, right = tables.left, tables.right
    if tables.factors is not None:
        left, right = (np.matmul(*tables.factors.of(side)) for side in ("left", "right"))
    h = left[:, None] + right
    h = {"relu": lambda: np.maximum(h, 0), "abs": lambda: np.abs(h), "square": lambda: h * h}[tables.activation]()
    return h @ tables.unembed.T + tables.bias


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


class Tally:
    """Violations, and for each verifier the number of runs and of bounds above zero."""

    def __init__(self):
        self.violations, self.runs, self.positive = [], collections.Counter(), collections.Counter()

    def judge(self, label, how, group, tables, given):
        gaps, right, scale = true_gaps(group, tables)
        with np.errstate(all="ignore"):
            logits = forward(tables).astype(np.float64)
        n = group.order
        correct = np.take_along_axis(logits, group.table[..., None], 2)[..., 0]
        computed = correct - np.where(np.arange(n) == group.table[..., None], -np.inf, logits).max(2)
        for certificate in given:
            below = executed(tables, certificate.slack, "float32")
            self.runs["executed"] += 1
            self.positive["executed"] += bool((below > 0).any())
            if not (computed >= below)[below > -np.inf].all():
                self.violations.append((label, how, f"executed {certificate.verifier}", 0, 1))
            self.runs[certificate.verifier] += 1
            self.positive[certificate.verifier] += certificate.bound > 0
            over = certificate.slack > gaps + 1e-15 * scale
            wrong = certificate.certified & ~right
            exact = certificate.accuracy is not None and certificate.accuracy != right.mean()
            if wrong.any() or over.any() or exact:
                self.violations.append((label, how, certificate.verifier, int(wrong.sum()), int(over.sum())))

    def report(self, what, seconds):
        count = sum(self.runs.values()) - self.runs["executed"]
        print(f"{what}, {count} certificates, {seconds:.0f} s: {len(self.violations)} violations")
        for line in itertools.islice(self.violations, 20):
            print("  ", line)
        for name, count in self.runs.items():
            print(f"  {name:16s} {count:6d} runs, {self.positive[name] / count:.1%} bounds above zero")
        checked = [name for name in self.runs if name not in ("brute_force", "executed")]
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


@contextlib.contextmanager
def bug(name):
    """The real code with one small function replaced."""
    original = {
        "labels": sys.modules["lk.proofs.class_gaps"].class_labels,
        "doubles": Tables.doubles,
        "gaps": sys.modules["lk.proofs.point_values"].ideal_gaps,
    }
    cache = {}

    def missing_class(group):
        labels = original["labels"](group)
        return np.where(labels == labels.max(), -1, labels) if labels.max() > 0 else labels

    def wrong_element(ideal, group, activation):
        e = group.identity
        logits = ideal.unembed @ np.maximum(ideal.left[e] + ideal.right[e], 0) + ideal.bias
        return float(logits.max() - np.delete(logits, logits.argmax()).max()), 0.0

    def wrong_gaps(ideal, points, group):
        gaps, correct, error = original["gaps"](ideal, points, group)
        return np.full_like(gaps, np.abs(gaps[np.isfinite(gaps)]).max(initial=0.0)), correct, error

    def stale(tables):
        return cache.setdefault((tables.left.shape, tables.activation), original["doubles"](tables))

    def unrounded(gap, rounding, folding):
        return np.where(np.isfinite(gap), gap, -np.inf)

    def early(exact, x, y, z, others):
        smallest = None
        for other in others:
            gap = exact.gap(x, y, z, int(other))
            smallest = gap if smallest is None or gap < smallest else smallest
            if smallest <= 0:
                break
        return smallest

    def all_rivals(tables, group, pairs, slack):
        """Exact numbers against every element in turn: with the early exit, the first that ties or wins is taken for the best."""
        exact = Exact(tables)
        for pair in pairs.tolist():
            x, y = divmod(pair, group.order)
            z = int(group.table[x, y])
            gap = early(exact, x, y, z, [other for other in range(group.order) if other != z])
            slack[pair] = float(gap)
        return 0

    patches = {
        "dropped error term": [("residual:combine", lambda holder, norm: 0.0 * holder.sum(0))],
        "norm over the wrong axis": [
            ("residual:largest_norm", lambda columns, weights: float(np.sqrt((columns**2 / weights).sum(0).max())))
        ],
        "a missing class": [("class_gaps:class_labels", missing_class)],
        "no slack": [
            (f"{module}:decide", unrounded)
            for module in ("gset", "schur", "irrep", "lookup", "lowrank", "coset", "separable")
        ],
        "trust in a label": [("equivariance:refuse_shares", lambda *_: None)],
        "the margin at the wrong element": [("irrep:ideal_margin", wrong_element), ("gset:ideal_gaps", wrong_gaps)],
        "a stale table": [("Tables:doubles", stale)],
        "an underflow under a root": [("decide:UNDERFLOW", 2.0**-700), ("equivariance:_LEAST_SCALE", 0.0)],
        "an early exit in a slack": [("brute_force:_settle", all_rivals)],
        "folding forgotten": [("Tables:folding", lambda tables, xs, ys: np.zeros(np.shape(xs)))],
        "trust in an action": [
            ("equivariance:is_action", lambda *_: True),
            ("equivariance:is_invariant", lambda *_: True),
        ],
        "silent neurons for nothing": [("silent:_largest_part", lambda table, _: 0.0 * table)],
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
    "an underflow under a root",
    "an early exit in a slack",
    "folding forgotten",
    "trust in an action",
    "silent neurons for nothing",
)


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
