"""Does the outside checker refuse what is false? Certificates tampered with in every way, and the checker with each check left out.

    python benchmarks/check.py [--each 250] [--seed 0] [--run RUN] [--mutants 12]

Certificates of built networks (and those stored in runs) are accepted as they are. Then each is changed so that a claim is false or files
contradict each other, which is known without the checker: logits in fractions, group axioms and equivariance over all elements,
digests that name other bytes. All digests are computed anew ("sealed") unless the kind says otherwise. Last, each condition of the checker
is left out in turn, and the tampered certificates are given to what remains: a condition that lets none through is not needed.
"""

import argparse
import ast
import collections
import copy
import dataclasses
import hashlib
import importlib.util
import json
import math
import struct
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from lk.finders import circuit, find_fourier, find_lookup, ideal, margin, sign_term
from lk.groups import Cyclic, Dihedral, Quaternion, Symmetric, coset_action, irreps, orbitals, subgroups
from lk.proofs import (
    CosetCluster,
    CosetExplanation,
    Factors,
    FourierExplanation,
    GSetExplanation,
    Tables,
    brute_force,
    cascade,
    coset,
    gset,
    irrep,
    lookup,
    save_explanation,
    save_network,
    schur,
    separable,
)
from lk.proofs.explanation import SidedCircuit

SOURCE = Path(__file__).parents[1] / "lk" / "proofs" / "checker.py"
ACTIVATIONS = {"relu": lambda t: max(t, 0), "abs": abs, "square": lambda t: t * t}


class Stored:
    """A certificate in memory: entries of certificate.json, and the bytes of each file that it names."""

    def __init__(self, about, files):
        self.about, self.files = about, files

    @classmethod
    def read(cls, folder):
        about = json.loads((folder / "certificate.json").read_text())
        return cls(about, {name: (folder / cls.path(name)).read_bytes() for name in about["files"]})

    @staticmethod
    def path(name):
        return {"network": "../network.safetensors", "slack": "slack.safetensors"}.get(name, name)

    def write(self, folder, text=None):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (folder / self.path(name)).write_bytes(data)
        (folder / "certificate.json").write_text(json.dumps(self.about) if text is None else text)

    def arrays(self, name):
        return {key: array.copy() for key, array in load(self.files[name]).items()}

    def store(self, name, arrays):
        self.files[name] = save({key: np.array(array, order="C") for key, array in arrays.items()})

    def change(self, name, key, array):
        self.store(name, self.arrays(name) | {key: array})

    def explanation(self, **entries):
        self.files["explanation.json"] = json.dumps(json.loads(self.files["explanation.json"]) | entries).encode()

    @property
    def slack(self):
        return self.arrays("slack")["slack"]

    def seal(self):
        """Compute every digest anew."""
        self.about["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}
        self.about.pop("digest", None)
        line = json.dumps(self.about, sort_keys=True, separators=(",", ":"))
        self.about["digest"] = hashlib.sha256(line.encode()).hexdigest()
        return self

    def follow(self):
        """Compute the numbers that follow from the slack anew, so that only what was changed is false."""
        slack, about = self.slack, self.about
        odds = np.log(max(len(slack) - 1, 1e-300)) - slack
        loss = float(np.logaddexp(0.0, odds).mean())
        about |= {
            "bound": float((slack > 0).mean()),
            "loss_bound": loss if math.isfinite(loss) else None,
            "error_quantiles": {},
        }
        about |= {"accuracy": None, "tiers": []}

    def gap(self, x, y):
        """f(xy|x,y) - max over z != xy of f(z|x,y), in fractions."""
        given = {
            name: [[Fraction(float(v)) for v in row] for row in np.atleast_2d(a)]
            for name, a in self.parameters(x, y).items()
        }
        hidden = []
        for side in ("left", "right"):
            row = given[f"embed_{side}"][0]
            if f"weight_{side}" in given:
                row = [
                    sum(a * b for a, b in zip(row, column, strict=True))
                    for column in zip(*given[f"weight_{side}"], strict=True)
                ]
            hidden.append(row)
        act = ACTIVATIONS[self.about["activation"]]
        h = [act(a + b) for a, b in zip(*hidden, strict=True)]
        logits = [
            sum(a * b for a, b in zip(h, row, strict=True)) + b
            for row, b in zip(given["unembed"], given["bias"][0], strict=True)
        ]
        right = logits.pop(int(self.arrays("network")["group"][x, y]))
        return right - max(logits)

    def parameters(self, x, y):
        arrays = {name: array for name, array in self.arrays("network").items() if name != "group"}
        return arrays | {"embed_left": arrays["embed_left"][x], "embed_right": arrays["embed_right"][y]}

    def false_claim(self):
        """Whether some slack is above the true gap: guessed in floats, decided in fractions."""
        a = {name: array.astype(float) for name, array in self.arrays("network").items() if name != "group"}
        left, right = (
            a[f"embed_{s}"] @ a[f"weight_{s}"] if f"weight_{s}" in a else a[f"embed_{s}"] for s in ("left", "right")
        )
        h = left[:, None] + right[None]
        h = {"relu": np.maximum(h, 0), "abs": np.abs(h), "square": h * h}[self.about["activation"]]
        logits, table = h @ a["unembed"].T + a["bias"], self.arrays("network")["group"][..., None]
        own = np.take_along_axis(logits, table, 2)[..., 0].copy()
        np.put_along_axis(logits, table, -np.inf, 2)
        x, y = np.unravel_index(np.argmax(self.slack - (own - logits.max(2))), own.shape)
        return Fraction(float(self.slack[x, y])) > self.gap(x, y) if np.isfinite(self.slack[x, y]) else False


# ---- certificates to begin with
def built(rng, group):
    """All certificates of one built network: circuits and a sign term, some noise, with linear maps or without."""
    subgroup_list = [np.asarray(h) for h in subgroups(group) if 2 <= group.order // len(h) <= 6]
    parts = []
    for _ in range(20):
        action = coset_action(group, subgroup_list[rng.integers(len(subgroup_list))])
        k = action.shape[1]
        labels = orbitals(group, action, action)
        lam, kernel = (
            rng.normal(size=k).astype(np.float32),
            rng.normal(size=labels.max() + 1).astype(np.float32)[labels],
        )
        kernel = np.where(np.eye(k) > 0, -np.abs(kernel), kernel)
        parts.append(circuit(action, lam, lam, kernel, name=f"circuit on {k}"))
    parts.sort(key=lambda part: -margin(GSetExplanation((part,), (), group.order, len(part.neurons)), group))
    parts = [parts[0], parts[1]] if rng.random() < 0.4 else [parts[0]]
    first, placed = 0, []
    for part in parts:  # some cells have two neurons, which share them
        more = rng.choice(len(part.p), 2, replace=False)
        size, p, q = len(part.p) + 2, np.append(part.p, part.p[more]), np.append(part.q, part.q[more])
        neurons, weights, scales = first + np.arange(size), 0.5 + rng.random(size), 2.0 ** rng.integers(-1, 2, size)
        placed.append(dataclasses.replace(part, neurons=neurons, p=p, q=q, weights=weights, scales=scales))
        first += size
    signs = [r for r in irreps(group) if r.dimension == 1 and r.character.min() < 0]
    terms = [sign_term(np.rint(signs[0].character).astype(int), first, 0.25, -0.25)] if signs else []
    first += 4 * len(terms)
    activation = str(rng.choice(["relu", "relu", "abs", "square"]))
    tables, explanation = ideal(group, placed, terms, first + 6 + int(rng.integers(1, 4)), activation)
    sigma = 10.0 ** rng.uniform(-6, -3)
    unembed = tables.unembed + (sigma * rng.normal(size=tables.unembed.shape)).astype(np.float32)
    if rng.random() < 0.4:
        return Tables(tables.left, tables.right, unembed, tables.bias, activation), explanation
    maps = [rng.normal(size=(tables.width + 1, tables.width)) for _ in range(2)]
    embeds = [table @ np.linalg.pinv(one) for table, one in zip((tables.left, tables.right), maps, strict=True)]
    return Tables.fold(Factors(embeds[0], maps[0], embeds[1], maps[1]), unembed, tables.bias, activation), explanation


def certified(rng, group):
    """Stored certificates of one built network, by every verifier."""
    tables, circuits = built(rng, group)
    n, m = group.order, tables.width
    part, k = circuits.circuits[0], circuits.circuits[0].action_x.shape[1]
    spare = max(int(p.neurons.max()) for p in (*circuits.circuits, *circuits.signs)) + 1 + np.arange(k)
    ones, side = np.ones(k), str(rng.choice(["left", "right"]))
    one_sided = SidedCircuit(
        part.action_x,
        part.lam[None],
        rng.normal(size=(1, n)),
        part.kernel[:1],
        spare,
        np.arange(k),
        0 * spare,
        ones,
        ones,
        side,
        "one-sided",
    )
    sided = GSetExplanation(circuits.circuits, circuits.signs, n, m, (one_sided,))
    if rng.random() < 0.3:  # a part that verifiers drop
        wrong = dataclasses.replace(part, action_x=np.roll(part.action_x, 1, 0))
        sided = dataclasses.replace(sided, circuits=(wrong, *circuits.circuits[1:]))
    fourier = (*find_fourier(tables, group), FourierExplanation(tuple(r.matrices for r in irreps(group)[1:]), n, m))[0]
    cosets = CosetExplanation((CosetCluster(part.neurons, part.action_x[group.inverse, 0], part.action_y[:, 0]),), n, m)
    looked = find_lookup(tables, group)[0]
    with np.errstate(all="ignore"):
        results = [
            (brute_force(tables, group), None),
            (cascade(tables, group, circuits, fourier), None),
            (gset(tables, group, sided), sided),
            (irrep(tables, group, circuits), circuits),
            (separable(tables, group, circuits), circuits),
            (schur(tables, group, fourier), fourier),
            (coset(tables, group, cosets), cosets),
            (lookup(tables, group, looked), looked),
        ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save_network(tables, group, folder)
        for number, (certificate, explanation) in enumerate(results):
            if explanation is not None:
                save_explanation(explanation, folder / str(number))
            certificate.save(folder / str(number), tables.activation)
            yield Stored.read(folder / str(number))


# ---- tampering: each returns whether it found something to change, and leaves behind what is known to be false
def pick(rng, given):
    return given[rng.integers(len(given))]


def number_edited(rng, given, _):
    """Unsealed: another number, text or list in certificate.json."""
    name = pick(rng, sorted(given.about))
    value = given.about[name]
    changed = {bool: not value, int: value + 1 if isinstance(value, int) else 0, str: f"{value}0", type(None): 0.5}
    if isinstance(value, float):
        given.about[name] = math.nextafter(value, pick(rng, [-math.inf, math.inf]))
    elif type(value) in changed:
        given.about[name] = changed[type(value)]
    elif isinstance(value, list):
        given.about[name] = value[:-1] if value else [0]
    else:
        given.about[name] = {**value, "more": 1}
    return True


def bit_flipped(rng, given, _):
    """Unsealed: one bit of one file."""
    name = pick(rng, sorted(given.files))
    data = bytearray(given.files[name])
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    given.files[name] = bytes(data)
    return True


def slack_lowered(rng, given, _):
    """Unsealed: a slack lowered by one step; the claim is true, and the file is another."""
    slack = given.slack
    place = tuple(rng.integers(len(slack), size=2))
    slack[place] = np.nextafter(slack[place], -math.inf)
    before = given.files["slack"]
    header = before[: len(before) - slack.nbytes]
    given.files["slack"] = header + np.ascontiguousarray(slack).tobytes()
    return given.files["slack"] != before


def theta(rng, given, _):
    """Sealed: theta is no share."""
    if '"theta"' not in given.files.get("explanation.json", b"").decode():
        return False
    given.explanation(theta=pick(rng, [-0.1, 1.1]))
    given.seal()
    return True


def truncated(rng, given, _):
    """Sealed or not: the end of a file is missing."""
    name = pick(rng, sorted(given.files))
    given.files[name] = given.files[name][: rng.integers(len(given.files[name]))]
    if rng.random() < 0.7:
        given.seal()
    return True


def missing(rng, given, _):
    """Unsealed: a file is missing."""
    del given.files[pick(rng, sorted(given.files))]
    return True


def swapped(rng, given, other):
    """Unsealed: files of another certificate."""
    names = [name for name in given.files if name in other.files and given.files[name] != other.files[name]]
    if names:
        name = pick(rng, names)
        given.files[name] = other.files[name]
    return bool(names)


def ulp_above(rng, given, _):
    """Sealed: the slack of one pair is the least number above its gap."""
    slack = given.slack
    x, y = rng.integers(len(slack), size=2)
    gap = given.gap(x, y)
    above = float(gap)
    while Fraction(above) <= gap:
        above = math.nextafter(above, math.inf)
    slack[x, y] = above
    given.change("slack", "slack", slack)
    given.follow()
    return given.seal().gap(x, y) < Fraction(above)


def pairs_permuted(rng, given, _):
    """Sealed: slacks of pairs exchanged so that one is too large."""
    slack = given.slack
    given.change("slack", "slack", rng.permutation(slack.ravel()).reshape(slack.shape))
    given.follow()
    return given.seal().false_claim()


def slack_no_number(rng, given, _):
    """Sealed: a slack is NaN or infinite."""
    slack = given.slack
    slack[tuple(rng.integers(len(slack), size=2))] = pick(rng, [math.nan, math.inf])
    given.change("slack", "slack", slack)
    given.seal()
    return True


def slack_of_another_shape(rng, given, _):
    """Sealed: a slack in float32, of another shape, under another name, or beside another."""
    slack = given.slack
    found = [{"slack": slack.astype(np.float32)}, {"slack": slack[:-1]}, {"slack": slack.ravel()}, {"slacks": slack}]
    given.store("slack", pick(rng, [*found, {"slack": slack, "upper": slack}]))
    given.seal()
    return True


def weights_changed(rng, given, _):
    """Sealed: parameters changed so that a slack is too large."""
    arrays = given.arrays("network")
    name = pick(rng, sorted(set(arrays) - {"group"}))
    place = tuple(rng.integers(size) for size in arrays[name].shape)
    arrays[name][place] = pick(rng, [-1, 0, 2, 1 + 2**-10]) * arrays[name][place] + pick(rng, [0, 0.5, 2**-20])
    if arrays[name].ndim == 2 and rng.random() < 0.4:
        arrays[name] = arrays[name][rng.permutation(len(arrays[name]))]
    given.store("network", arrays)
    given.about["accuracy"] = None
    return given.seal().false_claim()


def another_activation(rng, given, _):
    """Sealed: the certificate names another activation, under which a slack is too large, or none that there is."""
    given.about["activation"] = pick(rng, sorted({*ACTIVATIONS, "gelu"} - {given.about["activation"]}))
    given.about["accuracy"] = None
    given.seal()
    return given.about["activation"] == "gelu" or given.false_claim()


def claim(name, change):
    """Sealed: a number that does not follow from the slack."""

    def tamper(rng, given, _):
        before = given.about[name]
        changed = change(rng, given)
        if changed is None or (changed == before and type(changed) is type(before)):
            return False
        given.about[name] = changed
        given.seal()
        return True

    tamper.__name__ = name
    return tamper


def raised(name, least=1e-6):
    return lambda rng, given: (
        None if given.about[name] is None else given.about[name] + pick(rng, [-1, 1]) * rng.uniform(least, 0.5)
    )


def operations(rng, given):
    """Another number than the cost says, a negative one, or none that is whole."""
    count = pick(
        rng, [given.about["operations"] + 1, given.about["operations"] // 2, -5, float(given.about["operations"])]
    )
    if count == -5:
        given.about["cost"] = count / given.about["brute_force_operations"]
    return count


def accuracy(rng, given):
    """Not the share of right answers: more than there are, fewer, or fewer than the bound."""
    stated, pairs = given.about["accuracy"], given.slack.size
    return (0.0 if given.about["bound"] else None) if stated is None else stated + pick(rng, [-1, 1]) / pairs


def quantiles(rng, given):
    found = given.about["error_quantiles"]
    return {**found, "50%": found["50%"] + rng.uniform(1e-3, 1)} if found else None


def unexplained(rng, given):
    """Neurons that there are not, neurons that a part explains, or an explained neuron too few."""
    m = given.arrays("network")["unembed"].shape[1]
    listed = given.about["unexplained"]
    choices = [[*listed, m], [-1, *listed], [*listed, *listed[-1:]] if listed else [m]]
    if given.about["verifier"] in ("gset", "irrep", "separable", "coset") and not given.about["dropped"]:
        choices += [listed[1:], sorted({*listed, pick(rng, sorted({*range(m)} - {*listed}) or [m])})]
    return pick(rng, choices)


def tiers(rng, given):
    found = copy.deepcopy(given.about["tiers"])
    if found:
        found[-1][int(rng.integers(1, 3))] += 1
    return found or [["brute_force", given.about["bound"], given.about["operations"] + 1, 0.1]]


def seconds(rng, given):
    return pick(rng, [-1.0, "0.1", None, -1e-9])


def brute(rng, given):
    return given.about["brute_force_operations"] + pick(rng, [-1, 1])


def entries_swapped(rng, given, _):
    """Sealed: two different entries of the Cayley table exchanged: a row or a column then holds an element twice."""
    table = given.arrays("network")["group"]
    a, b = (tuple(rng.integers(len(table), size=2)) for _ in range(2))
    table[a], table[b] = table[b], table[a]
    return table[a] != table[b] and set_table(given, table)


def set_table(given, table):
    """Store a table that is proven to be no group; claims that it changes are withdrawn."""
    n, every = len(table), np.arange(len(table))
    inside = ((table >= 0) & (table < n)).all()
    group = inside and (np.sort(table, 0) == every[:, None]).all() and (np.sort(table, 1) == every).all()
    group = group and any((table[e] == every).all() and (table[:, e] == every).all() for e in every)
    group = group and (table[table[:, :, None], every] == table[every[:, None, None], table[None]]).all()
    slack = given.slack
    slack[table != given.arrays("network")["group"]] = -math.inf
    given.change("network", "group", table)
    given.change("slack", "slack", slack)
    given.follow()
    given.seal()
    return not group


def no_identity(rng, given, _):
    """Sealed: a Latin square without identity."""
    table = given.arrays("network")["group"]
    return set_table(
        given, table[rng.permutation(len(table))] if rng.random() < 0.5 else table[:, rng.permutation(len(table))]
    )


def not_associative(rng, given, _):
    """Sealed: a Latin square with identity that is not associative: two entries exchanged in two rows at once."""
    table = given.arrays("network")["group"]
    n = len(table)
    e = int(np.flatnonzero((table == np.arange(n)).all(1))[0])
    for _ in range(200):
        a, b, c = rng.integers(n, size=3)
        d = np.flatnonzero(table[a] == table[b, c])[0]
        if a != b and c != d and table[a, c] == table[b, d] and e not in (a, b, c, d):
            table[a, c], table[a, d], table[b, c], table[b, d] = table[a, d], table[a, c], table[b, d], table[b, c]
            return set_table(given, table)
    return False


def monoid(rng, given, _):
    """Sealed: products modulo n, with identity and associative, but without inverses."""
    n = len(given.arrays("network")["group"])
    return set_table(given, np.outer(np.arange(n), np.arange(n)) % n)


def no_element(rng, given, _):
    """Sealed: an entry of the table that is no element."""
    table = given.arrays("network")["group"]
    table[tuple(rng.integers(len(table), size=2))] = pick(rng, [-1, len(table)])
    return set_table(given, table)


def parts(given, *kinds):
    """Prefixes of the parts of an explanation that are not dropped."""
    if "explanation.safetensors" not in given.files or given.about["dropped"]:
        return []
    keys = {".".join(name.split(".")[:2]) for name in given.arrays("explanation.safetensors")}
    return sorted(key for key in keys if key.split(".")[0] in kinds and key.split(".")[1].isdigit())


def in_part(kinds, change):
    """Sealed: an array of one part changed; `change` returns its name and the new array, or None."""

    def tamper(rng, given, _):
        found = parts(given, *kinds)
        if not found:
            return False
        prefix, arrays = pick(rng, found), given.arrays("explanation.safetensors")
        part = {
            name.removeprefix(prefix + "."): array for name, array in arrays.items() if name.startswith(prefix + ".")
        }
        changed = change(rng, part, given)
        if changed is None:
            return False
        given.change("explanation.safetensors", f"{prefix}.{changed[0]}", changed[1])
        leave_open(given)
        given.seal()
        return True

    return tamper


def leave_open(given):
    """List those neurons as unexplained that are in no part, so that nothing but the part is false."""
    arrays, m = given.arrays("explanation.safetensors"), width(given)
    sided = given.about["verifier"] == "gset"
    found = [
        array for name, array in arrays.items() if name.endswith(".neurons") and (sided or not name.startswith("sided"))
    ]
    if given.about["verifier"] in ("gset", "irrep", "separable", "coset"):
        given.about["unexplained"] = sorted({*range(m)} - set(np.concatenate(found).tolist()))


def acts(action, table):
    e = int(np.flatnonzero((table == np.arange(len(table))).all(1))[0])
    inside = ((action >= 0) & (action < action.shape[1])).all()
    return inside and (action[e] == np.arange(action.shape[1])).all() and (action[table] == action[:, action]).all()


def an_action(change):
    def tamper(rng, part, given):
        name = pick(rng, [name for name in ("action", "action_x", "action_y") if name in part])
        table = given.arrays("network")["group"]
        changed = change(rng, part[name].copy(), table)
        return None if acts(changed, table) else (name, changed)

    return tamper


def entry(rng, action, _):
    action[tuple(rng.integers(size) for size in action.shape)] = rng.integers(-1, action.shape[1] + 1)
    return action


def constant(rng, action, _):
    return np.full_like(action, rng.integers(action.shape[1]))


def inverted(rng, action, table):
    e = int(np.flatnonzero((table == np.arange(len(table))).all(1))[0])
    return action[np.argmax(table == e, 1)]


def kernel(rng, part, given):
    """Not constant on the orbit of one cell, over all elements."""
    changed = part["kernel"].copy()
    p, q = (rng.integers(size) for size in changed.shape)
    changed[p, q] += pick(rng, [1.0, 2.0**-40, -changed[p, q], np.spacing(changed[p, q])])
    moved = changed[part["action_x"][:, :, None], part["action_y"][:, None]]
    return None if (moved == changed).all() else ("kernel", changed)


def share(rng, part, _):
    """A negative share."""
    changed = part["weights"].copy()
    changed[rng.integers(len(changed))] *= -0.1
    return "weights", changed


def no_share(rng, part, _):
    """No share for a cell that counts."""
    labels = next(
        labels
        for labels in (("p", "q"), ("column", "p"), ("left_signs", "right_signs"))
        if all(name in part for name in labels)
    )
    if ("kernel" in part and not part["kernel"].all()) or not part.get("both", 1) or not part.get("mixed", 1):
        return None
    changed = part["weights"].copy()
    cell = rng.integers(len(changed))
    changed[np.all([part[name] == part[name][cell] for name in labels], 0)] = 0
    return "weights", changed


def shared_label(name, values):
    """A label out of range, of a neuron whose cell has another one."""

    def tamper(rng, part, _):
        cells = part["p"] * (part["q"].max() + 1) + part["q"]
        places = [i for i in range(len(cells)) if (cells == cells[i]).sum() > 1]
        changed = part[name].copy()
        changed[pick(rng, places)] = pick(rng, values(part))
        return name, changed

    return tamper


def one(name, values):
    """One entry out of range."""

    def tamper(rng, part, given):
        changed = part[name].copy()
        changed[tuple(rng.integers(size) for size in changed.shape)] = pick(rng, values(part, given))
        return name, changed

    return tamper


def twice(rng, part, _):
    changed = part["neurons"].copy()
    if len(changed) < 2:
        return None
    a, b = rng.choice(len(changed), 2, replace=False)
    changed[a] = changed[b]
    return "neurons", changed


def of_two_parts(rng, given, _):
    """Sealed: a neuron of two parts."""
    found = parts(given, "circuits", "signs", "sided", "clusters")
    if len(found) < 2:
        return False
    a, b = rng.choice(found, 2, replace=False)
    arrays = given.arrays("explanation.safetensors")
    arrays[f"{a}.neurons"][rng.integers(len(arrays[f"{a}.neurons"]))] = pick(rng, arrays[f"{b}.neurons"])
    given.store("explanation.safetensors", arrays)
    leave_open(given)
    given.seal()
    return True


def character(rng, part, given):
    """No homomorphism, over all pairs of elements."""
    changed, table = part["character"].copy(), given.arrays("network")["group"]
    changed[rng.integers(len(changed))] *= pick(rng, [-1, 0, 2])
    if rng.random() < 0.3:
        return "character", 0 * changed
    return None if (changed[table] == changed[:, None] * changed).all() else ("character", changed)


def width(given):
    return given.arrays("network")["unembed"].shape[1]


def not_finite(rng, given, _):
    """Sealed: a number of an explanation is NaN or infinite."""
    if "explanation.safetensors" not in given.files or given.about["dropped"]:
        return False
    arrays = given.arrays("explanation.safetensors")
    names = [name for name, array in arrays.items() if array.dtype == float and array.size]
    if not names:
        return False
    name = pick(rng, names)
    arrays[name].flat[rng.integers(arrays[name].size)] = pick(rng, [math.nan, math.inf, -math.inf])
    given.store("explanation.safetensors", arrays)
    given.seal()
    return True


def an_array(how, files=("network", "explanation.safetensors")):
    """Sealed: an array of an explanation or network is missing, one too many, of another type, or of another shape."""
    return lambda rng, given, _: array_changed(rng, given, how, files)


def array_changed(rng, given, how, files):
    name = pick(rng, [name for name in files if name in given.files] or [""])
    arrays = given.arrays(name) if name else {}
    if not arrays or given.about["dropped"]:
        return False
    key = pick(rng, sorted(arrays))
    if how == 0:
        del arrays[key]
    elif how == 1:
        arrays["more"] = arrays[key]
    elif how == 2:
        arrays[key] = arrays[key].astype(np.int64 if arrays[key].dtype.kind == "f" else np.float64)
    elif how == 3 or not arrays[key].ndim or len(arrays[key]) < 2:
        arrays[key] = arrays[key][..., None]
    else:
        arrays[key] = arrays[key][:-1]
    given.store(name, arrays)
    given.seal()
    return True


def wider_embedding(rng, given, _):
    """Sealed: tables of more columns than neurons, without linear maps."""
    arrays = given.arrays("network")
    if "weight_left" in arrays:
        return False
    given.store(
        "network", arrays | {name: np.pad(arrays[name], ((0, 0), (0, 1))) for name in ("embed_left", "embed_right")}
    )
    given.seal()
    return True


def another_side(rng, given, _):
    """Sealed: a circuit of a side that there is not."""
    said = json.loads(given.files.get("explanation.json", b"{}"))
    if not said.get("sided"):
        return False
    given.explanation(sided=[[name, pick(rng, ["both", "Left", ""])] for name, _ in said["sided"]])
    given.seal()
    return True


def about_explanation(rng, given, _):
    """Sealed: the explanation says it is of another kind, size or side, or theta is no share."""
    if "explanation.json" not in given.files:
        return False
    said = json.loads(given.files["explanation.json"])
    choices = [{"kind": "LookupExplanation" if said["kind"] != "LookupExplanation" else "GSetExplanation"}]
    choices += [{"order": said["order"] + 1}, {"width": said["width"] + 1}]
    given.explanation(**pick(rng, choices))
    given.seal()
    return True


def explanation_of_another(rng, given, other):
    """Sealed: an explanation of another verifier or network, which leaves other neurons open or has another size or kind."""
    names = ("explanation.json", "explanation.safetensors")
    if not all(name in stored.files for stored in (given, other) for name in names):
        return False
    said, own = (json.loads(stored.files[names[0]]) for stored in (other, given))
    alike = all(said[key] == own[key] for key in ("kind", "order", "width"))
    if alike and (
        said["kind"] not in ("GSetExplanation", "CosetExplanation") or given.about["dropped"] or other.about["dropped"]
    ):
        return False
    if alike and (
        given.about["unexplained"] == other.about["unexplained"] or given.about["verifier"] != other.about["verifier"]
    ):
        return False
    for name in names:
        given.files[name] = other.files[name]
    given.seal()
    return True


def explanation_removed(rng, given, _):
    """Sealed: a verifier that reads an explanation without one, or the other way round."""
    if "explanation.json" in given.files:
        del given.files["explanation.json"], given.files["explanation.safetensors"]
    else:
        given.about["verifier"] = "gset"
    given.seal()
    return True


def drop_forgotten(rng, given, _):
    """Sealed: a part that fails and is not named as dropped."""
    if not given.about["dropped"] or given.about["verifier"] not in ("gset", "irrep", "separable", "coset"):
        return False
    given.about["dropped"] = []
    given.seal()
    return True


def matrix_shape(rng, given, _):
    """Sealed: a representation with too few elements or unequal sides; directions or labels that do not fit."""
    arrays = given.arrays("explanation.safetensors") if "explanation.safetensors" in given.files else {}
    names = [name for name in arrays if name.startswith("matrices.")]
    if not names:
        return False
    name = pick(rng, names)
    if "clusters.labels" in arrays and rng.random() < 0.5:
        name = "clusters.labels"
        arrays[name][rng.integers(len(arrays[name]))] = pick(rng, [-2, arrays["clusters.directions"].shape[1]])
    elif arrays[name].shape[1] > 1 and rng.random() < 0.5:
        arrays[name] = arrays[name][:, 1:]
    else:
        arrays[name] = arrays[name][1:]
    given.store("explanation.safetensors", arrays)
    given.seal()
    return True


def row_looked_up(rng, given, _):
    """Sealed: a look-up of a row that there is not."""
    arrays = given.arrays("explanation.safetensors") if given.about["verifier"] == "lookup" else {}
    if "lookups.assign" not in arrays or not arrays["lookups.assign"].size:
        return False
    arrays["lookups.assign"].flat[rng.integers(arrays["lookups.assign"].size)] = pick(
        rng, [-1, len(arrays["lookups.columns"])]
    )
    given.store("explanation.safetensors", arrays)
    given.seal()
    return True


def another_format(rng, given, _):
    """Sealed: a certificate of another format."""
    given.about["format"] = pick(rng, [1, 3, "2", None])
    given.seal()
    return True


def key_twice(rng, given, _):
    """Sealed: a key of a JSON file stands twice, so that two readers may see two values."""
    if "explanation.json" in given.files and rng.random() < 0.5:
        text = given.files["explanation.json"].decode().rstrip()
        given.files["explanation.json"] = (text[:-1] + ', "width": ' + str(width(given)) + "}").encode()
        given.seal()
        return True
    return "{" + f'"bound": {1 - given.about["bound"]}, ' + json.dumps(given.about)[1:]


def reseal_header(given, name, header, body):
    """A safetensors file of this header and these bytes."""
    line = header if isinstance(header, bytes) else json.dumps(header).encode()
    given.files[name] = struct.pack("<Q", len(line)) + line + body
    given.seal()
    return True


def header_changed(rng, given, _):
    """Sealed: a safetensors file with bytes after the arrays, a hole, two arrays in one place, or sizes that do not fit."""
    name = pick(rng, [name for name in given.files if name != "explanation.json"])
    data = given.files[name]
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:start]), data[start:]
    keys = [key for key in header if key != "__metadata__" and header[key]["data_offsets"][1]]
    if not keys:
        return False
    key = pick(rng, keys)
    first, last = header[key]["data_offsets"]
    how = rng.integers(6)
    if how == 0:
        body += bytes(rng.integers(1, 9))
    elif how == 1:
        for entry_ in (
            entry_ for entry_ in header.values() if "data_offsets" in entry_ and entry_["data_offsets"][0] >= first
        ):
            entry_["data_offsets"] = [offset + 8 for offset in entry_["data_offsets"]]
        body = body[:first] + bytes(8) + body[first:]
    elif how == 2:
        header["again"] = header[key]
    elif how == 3:
        header[key]["shape"] = [*header[key]["shape"], -1, -1]
    elif how == 4:
        header[key]["data_offsets"] = [first, last - 1] if rng.random() < 0.5 else [first + 1, last]
    else:
        twice_ = json.dumps(header)
        return reseal_header(given, name, (twice_[:-1] + f', "{key}": {json.dumps(header[key])}' + "}").encode(), body)
    return reseal_header(given, name, header, body)


CELLS = ("circuits", "signs", "sided")
KINDS = {
    "unsealed: a number edited": number_edited,
    "unsealed: a bit flipped": bit_flipped,
    "unsealed: a file missing": missing,
    "unsealed: a file of another certificate": swapped,
    "unsealed: a slack lowered by one step": slack_lowered,
    "a file truncated": truncated,
    "slack one ulp above the gap": ulp_above,
    "pairs permuted": pairs_permuted,
    "slack NaN or infinite": slack_no_number,
    "slack of another shape": slack_of_another_shape,
    "weights changed": weights_changed,
    "another activation": another_activation,
    "bound": claim("bound", raised("bound", 1e-12)),
    "cost": claim("cost", raised("cost", 1e-12)),
    "operations": claim("operations", operations),
    "brute force operations": claim("brute_force_operations", brute),
    "accuracy": claim("accuracy", accuracy),
    "loss bound": claim("loss_bound", raised("loss_bound")),
    "error quantiles": claim("error_quantiles", quantiles),
    "unexplained neurons": claim("unexplained", unexplained),
    "tiers": claim("tiers", tiers),
    "seconds": claim("seconds", seconds),
    "table: entries exchanged": entries_swapped,
    "table: no identity": no_identity,
    "table: not associative": not_associative,
    "table: no inverses": monoid,
    "table: no element": no_element,
    "action: one entry": in_part(("circuits", "sided"), an_action(entry)),
    "action: all to one point": in_part(("circuits", "sided"), an_action(constant)),
    "action: of the inverses": in_part(("circuits", "sided"), an_action(inverted)),
    "kernel off an orbital": in_part(("circuits",), kernel),
    "action of one side: one entry": in_part(("sided",), an_action(entry)),
    "action of one side: all to one point": in_part(("sided",), an_action(constant)),
    "a share below zero": in_part(("circuits",), share),
    "no share": in_part(CELLS, no_share),
    "scales": in_part(CELLS, one("scales", lambda *_: [0.0, -1.0])),
    "labels": in_part(("circuits",), shared_label("p", lambda part: [-1, len(part["lam"])])),
    "labels of the other side": in_part(("circuits",), shared_label("q", lambda part: [-1, len(part["mu"])])),
    "columns": in_part(("sided",), one("column", lambda part, _: [-1, len(part["lam"])])),
    "signs of neurons": in_part(("signs",), one("left_signs", lambda *_: [0, 2, -2])),
    "character": in_part(("signs",), character),
    "neurons out of range": in_part((*CELLS, "clusters"), one("neurons", lambda _, given: [-1, width(given)])),
    "a neuron twice": in_part((*CELLS, "clusters"), twice),
    "a neuron of two parts": of_two_parts,
    "labels of cosets": in_part(("clusters",), one("left", lambda part, _: [-1, len(part["left"])])),
    "explanation not finite": not_finite,
    "an array missing": an_array(0),
    "an array too many in the network": an_array(1, ("network",)),
    "an array too many in the explanation": an_array(1, ("explanation.safetensors",)),
    "an array of another type": an_array(2),
    "an array with another axis": an_array(3),
    "an array too short": an_array(4),
    "kind, size or side of an explanation": about_explanation,
    "embeddings wider than the network": wider_embedding,
    "another side": another_side,
    "theta": theta,
    "explanation of another network": explanation_of_another,
    "explanation removed": explanation_removed,
    "a dropped part not named": drop_forgotten,
    "matrices and clusters": matrix_shape,
    "row of a look-up": row_looked_up,
    "another format": another_format,
    "a key twice": key_twice,
    "safetensors header": header_changed,
}


# ---- the checker, whole and with each condition left out
def checker(tree=None):
    """The checker as a module, from its source or from a changed syntax tree."""
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location("outside_checker", SOURCE))
    tree = ast.fix_missing_locations(tree or ast.parse(SOURCE.read_text()))
    exec(compile(tree, "checker.py", "exec"), module.__dict__)
    return module


class Kept(dict):
    """Networks whose gaps were computed: the checker forgets all but the last, and here they come again and again."""

    def clear(self):
        if len(self) > 200:
            super().clear()


def accepted(module, stored, folder, networks, text=None):
    """Whether the checker accepts a certificate, and what it says."""
    for path in [*folder.parent.glob("*.safetensors"), *folder.glob("*")]:
        path.unlink()
    stored.write(folder, text)
    try:
        return True, module.examine(folder, networks, 0, 0)
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"


def conditions(tree):
    """Expressions that decide: arguments of `need`, values of `holds` and `fits`, what functions return as a bool."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "need":
            yield node.args[0]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "fits":
            yield node.value
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "holds":
            yield from node.value.values
        elif isinstance(node, ast.FunctionDef) and getattr(node.returns, "id", "") == "bool":
            yield node.body[-1].value


def smaller(node):
    """A condition with one side left out: all of it, a side of an `and`, a side of a chain."""
    yield ast.Constant(True)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for k in range(len(node.values)):
            for less in smaller(node.values[k]):
                yield ast.BoolOp(node.op, [*node.values[:k], less, *node.values[k + 1 :]])
    elif isinstance(node, ast.BoolOp):
        for less in smaller(node.values[-1]):
            yield ast.BoolOp(node.op, [*node.values[:-1], less])
    elif isinstance(node, ast.Compare) and len(node.ops) > 1:
        sides = [node.left, *node.comparators]
        pairs = [ast.Compare(sides[i], [node.ops[i]], [sides[i + 1]]) for i in range(len(node.ops))]
        for k in range(len(pairs)):
            yield ast.BoolOp(ast.And(), [ast.Constant(True), *pairs[:k], *pairs[k + 1 :]])


def mutants():
    """The checker with one condition left out, and with gaps compared in floats."""
    source = SOURCE.read_text()
    for index, condition in enumerate(conditions(ast.parse(source))):
        for number in range(len(list(smaller(condition)))):
            tree = ast.parse(source)
            old = list(conditions(tree))[index]
            new = list(smaller(old))[number]
            what = f"{ast.unparse(old)}  ->  {ast.unparse(new)}"
            replace(tree, old, new)
            yield old.lineno, what, tree
    exact = "gap * below >= above << network.shift"
    assert exact in source
    yield 0, "gaps in floats", ast.parse(source.replace(exact, "gap / (1 << network.shift) >= slack[pair]"))


def replace(tree, old, new):
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and old in value:
                value[value.index(old)] = new


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=250, help="tampered certificates of each kind")
    parser.add_argument("--networks", type=int, default=40, help="built networks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--run", action="append", default=[], help="a run with certificates; may be given several times"
    )
    parser.add_argument(
        "--mutants", type=int, default=12, help="tampered certificates of each kind that the mutants are given"
    )
    given = parser.parse_args()
    rng, module, start = np.random.default_rng(given.seed), checker(), time.process_time()
    groups = [Symmetric(3), Cyclic(4), Cyclic(6), Symmetric(3), Dihedral(4), Quaternion(8)]
    bases = [stored for number in range(given.networks) for stored in certified(rng, groups[number % len(groups)])]
    bases += [Stored.read(path.parent) for run in given.run for path in sorted(Path(run).rglob("certificate.json"))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "seed" / "verifier"
        networks = Kept()
        for stored in bases:
            fine, said = accepted(module, stored, folder, networks)
            if not fine:
                print(f"REFUSED as it is: {stored.about['verifier']}: {said}")
        print(
            f"{len(bases)} certificates, accepted as they are; {time.process_time() - start:.0f} s of CPU time",
            flush=True,
        )
        kept, total, through = [], 0, 0
        for kind, tamper in KINDS.items():
            made, tried, passed, reasons = 0, 0, 0, collections.Counter()
            while made < given.each and tried < 60 * given.each:
                tried += 1
                base = pick(rng, bases)
                changed = copy.deepcopy(base)
                done = tamper(rng, changed, pick(rng, bases))
                if not done:
                    continue
                text = done if isinstance(done, str) else None
                fine, said = accepted(module, changed, folder, networks, text)
                made, passed, reasons[said[:60]] = made + 1, passed + fine, reasons[said[:60]] + 1
                if len(base.slack) < 9 and sum(kind == k for k, *_ in kept) < given.mutants:
                    kept.append((kind, changed, text))
                if fine:
                    print(f"  LET THROUGH: {kind}, {changed.about['verifier']}")
            total, through = total + made, through + passed
            print(
                f"{kind:42s} {made:6d} tampered {made - passed:6d} refused   {reasons.most_common(1)[0][0] if reasons else ''}",
                flush=True,
            )
        print(
            f"{total} tampered, {total - through} refused, {through} let through; {time.process_time() - start:.0f} s of CPU time"
        )
        needed, number = 0, 0
        for line, what, tree in mutants():
            mutant, networks = checker(tree), Kept()
            found = next(
                (kind for kind, changed, text in kept if accepted(mutant, changed, folder, networks, text)[0]), None
            )
            needed, number = needed + (found is not None), number + 1
            print(
                f"  without line {line}: {what[:110]:110s} {'lets through: ' + found if found else 'NOTHING MORE'}",
                flush=True,
            )
        print(
            f"{needed} of {number} conditions are needed by themselves; {time.process_time() - start:.0f} s of CPU time"
        )


if __name__ == "__main__":
    main()
