"""Accept or refuse stored certificates of group networks, in whole numbers and with the standard library alone.

    python lk/proofs/checker.py FOLDER [--pairs N] [--seed S]

FOLDER is a run, or any folder below its `certificates/`. The network is f(z|x,y) = sum_i u_i(z) act(l_i(x) + r_i(y)) +
b(z), l = E_l W_l, r = E_r W_r, over the reals: stored numbers and logits are whole numbers over powers of two.
1. Claim: f(xy|x,y) - max over z != xy of f(z|x,y) >= slack, exactly, for every pair or a sample; other numbers follow.
2. Group: the Cayley table has an identity and inverses and is associative (Light's test).
3. Explanation: actions and characters are homomorphisms, kernels are constant on orbitals, shares are positive, neurons
   are disjoint. A verifier may drop a part that fails, and names it. Numbers of other explanations are in their range.
4. Identity: every file and every entry is the one that the digests name.
"""

import argparse
import hashlib
import json
import math
import random
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise, product
from operator import add, mul
from pathlib import Path
from typing import Any

# Arrays: type, then axes: elements n, neurons m, others by a name of their own.
TABLES = {"group": "I64 n n", "embed_left": "F32 n d", "embed_right": "F32 n d", "unembed": "F32 n m", "bias": "F32 n"}
LINEAR = {"weight_left": "F32 d m", "weight_right": "F32 d m"}
SHARES = {"neurons": "I64 k", "weights": "F64 k", "scales": "F64 k"}
CIRCUIT = {"action_x": "I64 n X", "action_y": "I64 n Y", "lam": "F64 X", "mu": "F64 Y", "kernel": "F64 X Y"}
SIDED = {"action": "I64 n X", "lam": "F64 J X", "other": "F64 J n", "kernel": "F64 J X", "column": "I64 k"}
SIGN = {"character": "I64 n", "both": "F64", "mixed": "F64", "left_signs": "I64 k", "right_signs": "I64 k"}
PARTS = {"circuits": SHARES | CIRCUIT | {"p": "I64 k", "q": "I64 k"}, "signs": SHARES | SIGN}
PARTS |= {"sided": SHARES | SIDED | {"p": "I64 k"}, "clusters": {"neurons": "I64 k", "left": "I64 n", "right": "I64 n"}}
LABELS = {"circuits": ("p", "q"), "signs": ("left_signs", "right_signs"), "sided": ("column", "p")}
CLUSTERS = {"labels": "I64 m", "coefficients": "F64 m", "directions": "F64 D S"}
LOOKUP = {"assign": "I64 n L", "columns": "F64 R m", "offset": "F64 R"}
TYPES = {"F32": ("f", 4), "F64": ("d", 8), "I64": ("q", 8)}
READS = {"irrep": "GSet", "gset": "GSet", "separable": "GSet", "schur": "Fourier", "coset": "Coset", "lookup": "Lookup"}
NEIGHBOURS = [
    f"../{name}/explanation.{kind}" for name in ("gset", "schur", "lookup") for kind in ("json", "safetensors")
]  # of a cascade
ACTIVATIONS: dict[str, Callable[[int], int]] = {"relu": lambda t: max(t, 0), "abs": abs, "square": lambda t: t * t}
Arrays = dict[str, tuple[str, list[int], Sequence[Any]]]


def need(condition: object, message: str) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise ValueError(message)


def parse(data: bytes) -> dict[str, Any]:
    """A JSON object in which no key stands twice."""

    def entries(found: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len(dict(found)) == len(found), "a key stands twice")
        return dict(found)

    return dict(json.loads(data.decode(), object_pairs_hook=entries))


def tensors(data: bytes) -> Arrays:
    """Arrays of a safetensors file: 8 bytes for the length of the header, the header in JSON, numbers without a gap."""
    end = start = 8 + int.from_bytes(data[:8], "little")
    header, arrays = parse(data[8:start]), Arrays()
    header.pop("__metadata__", None)
    for name, entry in sorted(header.items(), key=lambda item: (item[1]["data_offsets"], item[0])):
        shape, (first, last), (code, size) = entry["shape"], entry["data_offsets"], TYPES[entry["dtype"]]
        need((start + first, last - first) == (end, size * math.prod(shape)), f"{name} lies elsewhere")
        end = start + last
        arrays[name] = entry["dtype"], shape, struct.unpack(f"<{math.prod(shape)}{code}", data[start + first : end])
    need(end == len(data), "bytes after the last array")
    return arrays


def take(arrays: Arrays, prefix: str, axes: dict[str, str], sizes: dict[str, int]) -> dict[str, Any]:
    """Take arrays out, those of two axes as rows; `sizes` gains the axes that are met."""
    taken: dict[str, Any] = {name: arrays.pop(prefix + name) for name in axes}
    for name, (dtype, shape, numbers) in taken.items():
        wanted, *letters = axes[name].split()
        fits = (dtype, len(shape)) == (wanted, len(letters)) and all(map(math.isfinite, numbers))
        fits = fits and all(sizes.setdefault(letter, size) == size for letter, size in zip(letters, shape, strict=True))
        need(fits, f"{prefix}{name} is {dtype} of shape {shape}, or not finite")
        rows = [numbers[i * shape[-1] : (i + 1) * shape[-1]] for i in range(shape[0])] if len(shape) == 2 else numbers
        taken[name] = rows if shape else numbers[0]
    return taken


class Group:
    """A Cayley table that is proven to be that of a group."""

    def __init__(self, table: Sequence[Sequence[int]]) -> None:
        self.table, every = table, set(range(len(table)))
        need(all(set(line) == every for line in chain(table, zip(*table, strict=True))), "the table is no Latin square")
        neutral = [e for e in every if all(table[e][x] == x == table[x][e] for x in every)]
        self.identity, self.generators, reached = neutral[0], list[int](), {neutral[0]}
        while reached != every:
            self.generators.append(min(every - reached))
            grown = set[int]()
            while grown != reached:
                grown, reached = reached, reached | {table[x][a] for x in reached for a in self.generators}
        for a, line in product(self.generators, table):
            need(table[line[a]] == tuple(line[z] for z in table[a]), "the group is not associative")

    def homomorphic(self, images: Sequence[Any], times: Callable[[Any, Any], Any]) -> bool:
        """Whether the image of gh is that of g times that of h, for generators g (which suffices) and all h."""
        pairs = product(self.generators, range(len(self.table)))
        return all(images[self.table[g][h]] == times(images[g], images[h]) for g, h in pairs)

    def acts(self, action: Sequence[Sequence[int]]) -> bool:
        """Whether e.p = p and (gh).p = g.(h.p): every row is then a permutation, as that of e is."""
        still = action[self.identity] == tuple(range(len(action[0])))
        return still and self.homomorphic(action, lambda g, h: tuple(g[p] for p in h))


def whole(*tables: Iterable[Sequence[float]]) -> tuple[list[list[list[int]]], int]:
    """Whole numbers and k with tables = numbers / 2^k, exactly."""
    ratios = [[[value.as_integer_ratio() for value in row] for row in table] for table in tables]
    below = max(d for table in ratios for row in table for _, d in row)
    return [[[a * (below // d) for a, d in row] for row in table] for table in ratios], below.bit_length() - 1


class Network:
    """Gaps f(xy|x,y) - max over z != xy of f(z|x,y): whole numbers over 2^`shift`, by the number n x + y of a pair."""

    def __init__(self, data: bytes, activation: str, sample: int, seed: int) -> None:
        arrays, sizes = tensors(data), dict[str, int]()
        stored = take(arrays, "", TABLES | (LINEAR if "weight_left" in arrays else {}), sizes)
        self.n, self.m, self.group = sizes["n"], sizes["m"], Group(stored["group"])
        need(not arrays and ("weight_left" in stored or sizes["d"] == self.m), "arrays of no network")
        self.act = ACTIVATIONS[activation]
        sides, shift = whole(stored["embed_left"], stored["embed_right"])
        if "weight_left" in stored:
            maps, more = whole(*(list(zip(*stored[name], strict=True)) for name in LINEAR))
            both, shift = zip(sides, maps, strict=True), shift + more
            sides = [[[sum(map(mul, row, column)) for column in columns] for row in rows] for rows, columns in both]
        shift *= 2 if activation == "square" else 1
        (unembed, [bias]), last = whole(list(zip(*stored["unembed"], strict=True)), [stored["bias"]])
        left, right, most = (max(map(abs, chain(*table))) for table in (*sides, unembed))
        largest = self.act(left + right) * most * self.m + (max(map(abs, bias)) << shift)
        # All logits of a pair lie in one number, `size` bytes each; half of 256^size is added to keep each positive.
        self.sides, self.shift, self.size = sides, shift + last, (largest.bit_length() + 9) // 8
        self.columns = [self.pack(column) for column in unembed]
        self.bias = self.pack((b << shift) + (1 << 8 * self.size - 1) for b in bias)
        drawn = random.Random(seed).sample(range(self.n**2), min(sample or self.n**2, self.n**2))
        self.gaps = {pair: self.gap(*divmod(pair, self.n)) for pair in sorted(drawn)}

    def pack(self, values: Iterable[int]) -> int:
        """Numbers side by side in one."""
        return sum(value << 8 * self.size * z for z, value in enumerate(values))

    def gap(self, x: int, y: int) -> int | float:
        """The gap of a pair, infinite where there is no other z."""
        hidden = map(self.act, map(add, self.sides[0][x], self.sides[1][y]))
        packed = sum(map(mul, hidden, self.columns), self.bias).to_bytes(self.n * self.size, "little")
        logits = [int.from_bytes(packed[z : z + self.size], "little") for z in range(0, len(packed), self.size)]
        own = logits.pop(self.group.table[x][y])
        return own - max(logits) if logits else math.inf


def judge(kind: str, part: dict[str, Any], group: Group, free: set[int]) -> None:
    """Refuse a part whose neurons are not free, that is not equivariant, or lacks neurons for a cell that counts."""
    neurons, cells = part["neurons"], dict[tuple[int, int], float]()
    need(set(neurons) <= free and len(set(neurons)) == len(neurons), "neurons out of range, or used twice")
    if kind == "clusters":
        need(all(0 <= label < len(group.table) for label in part["left"] + part["right"]), "a label out of range")
        return
    if kind == "signs":
        sigma, both, mixed = part["character"], part["both"], part["mixed"]
        need(set(sigma) <= {1, -1} and group.homomorphic(sigma, mul), "a character is no homomorphism to 1 and -1")
        cells = {(1, 1): both, (-1, -1): both, (1, -1): mixed, (-1, 1): mixed}
    else:
        actions = [part[name] for name in ("action", "action_x", "action_y") if name in part]
        need(all(map(group.acts, actions)), "no action of the group")
        cells = {(p, q): value for p, line in enumerate(part["kernel"]) for q, value in enumerate(line)}
        for g, ((p, q), value) in product(group.generators if kind == "circuits" else [], cells.items()):
            need(cells[actions[0][g][p], actions[1][g][q]] == value, "the kernel is not constant on orbitals")
    labels = list(zip(*(part[name] for name in LABELS[kind]), strict=True))
    need(set(labels) <= set(cells), "a label out of range")
    need(min(part["weights"], default=0) >= 0 < min(part["scales"], default=1), "a share or size that is not positive")
    held = {label for label, share in zip(labels, part["weights"], strict=True) if share > 0}
    need({cell for cell, value in cells.items() if value} <= held, "a cell without a share")


def explained(about: dict[str, Any], given: dict[str, Any], arrays: Arrays, network: Network, kind: str) -> str:
    """Examine an explanation: a part that fails must be named as dropped, other neurons than its own be unexplained."""
    own = kind + "Explanation", network.n, network.m
    need((given["kind"], given["order"], given["width"]) == own, "an explanation of another kind or network")
    sizes, names = {"n": network.n, "m": network.m}, list[tuple[str, int, str]]()
    if kind == "GSet":
        need({side for _, side in given["sided"]} <= {"left", "right"}, "an unknown side")
        names = [(key, i, name) for key in ("circuits", "signs") for i, name in enumerate(given[key])]
        names += [("sided", i, name) for i, (name, _) in enumerate(given["sided"])]
    elif kind == "Coset":
        names = [("clusters", i, f"cluster {i}") for i in range(given["clusters"])]
    elif kind == "Fourier":
        take(arrays, "", {f"matrices.{i}": f"F64 n d{i} d{i}" for i in range(given["matrices"])}, sizes)
        need(0 <= given["theta"] <= 1, "theta is no share")
        if given["clusters"]:
            sizes["D"] = sum(sizes[f"d{i}"] ** 2 for i in range(given["matrices"]))
            labels = take(arrays, "clusters.", CLUSTERS, sizes)["labels"]
            need(all(-1 <= label < sizes["S"] for label in labels), "a label out of range")
    else:
        assign = take(arrays, "lookups.", LOOKUP, sizes)["assign"]
        need(all(0 <= row < sizes["R"] for row in chain(*assign)), "a row out of range")
    free, sure, held = {*range(network.m)}, {*range(network.m)}, 0
    for number, (key, i, name) in enumerate(names):
        known = any(entry.startswith(f"{name or f'part {number}'}: ") for entry in about["dropped"])
        try:
            part = take(arrays, f"{key}.{i}.", PARTS[key], {"n": network.n})
            judge(key, part, network.group, free)
            free, held = free - {*part["neurons"]}, held + 1
            sure = sure if known or (key == "sided" and about["verifier"] != "gset") else sure - {*part["neurons"]}
        except ValueError as error:
            need(known, f"{name or f'part {number}'}: {error}")
    need(not arrays, f"arrays of no part, {', '.join(arrays)}")
    need(kind not in ("GSet", "Coset") or free <= {*about["unexplained"]} <= sure, "neurons are explained by no part")
    return f"{held} of {len(names)} parts"


def follows(about: dict[str, Any], slack: Sequence[float], network: Network) -> None:
    """Refuse slack above a gap, and numbers of a certificate that its slack does not give."""
    for pair, gap in network.gaps.items():
        if slack[pair] > -math.inf and gap < math.inf:
            above, below = slack[pair].as_integer_ratio()
            need(gap * below >= above << network.shift, f"the gap of pair {divmod(pair, network.n)} is below its slack")
    pairs, count, accuracy, tiers = network.n**2, about["operations"], about["accuracy"], about["tiers"]
    right = sum(gap > 0 for gap in network.gaps.values())  # of those examined; the others may be right or wrong
    most = (right + pairs - len(network.gaps)) / pairs
    exponents = [math.log(max(network.n - 1, 1e-300)) - s for s in slack]  # of the odds of all rivals, at most
    loss = math.fsum(max(odds, 0) + math.log1p(math.exp(-abs(odds))) for odds in exponents) / pairs
    stated = math.inf if about["loss_bound"] is None else about["loss_bound"]
    holds = {
        "bound": about["bound"] == sum(s > 0 for s in slack) / pairs,
        "operations": type(count) is int and count >= 0 and about["brute_force_operations"] == network.n**3 * network.m,
        "cost, seconds": about["cost"] == count / (network.n**3 * network.m) and about["seconds"] >= 0,
        "accuracy": accuracy is None or max(about["bound"], right / pairs) <= accuracy <= most,
        "loss_bound": math.isclose(stated, loss, rel_tol=1e-8, abs_tol=1e-8),
        "unexplained": about["unexplained"] == sorted({*about["unexplained"]} & {*range(network.m)}),
        "tiers": all(a[1] <= b[1] and a[2] <= b[2] for a, b in pairwise([*tiers, ["", about["bound"], count]])),
    }
    errors = sorted((about["margin"] or 0) - s for s in slack)
    for name, given in about["error_quantiles"].items():
        place = float(name.rstrip("%")) / 100 * (pairs - 1)
        low, high = errors[math.floor(place)], errors[math.ceil(place)]
        holds[name] = math.isclose(given, low + (place % 1) * (high - low), rel_tol=1e-8, abs_tol=1e-8)
    need(all(holds.values()), ", ".join(name for name in holds if not holds[name]) + ": not what the slack gives")


def examine(folder: Path, networks: dict[tuple[str, str], Network], sample: int, seed: int) -> str:
    """What was examined of the certificate in a folder; refuses it where something does not hold."""
    about = parse((folder / "certificate.json").read_bytes())
    digest = about.pop("digest")
    line = json.dumps(about, sort_keys=True, separators=(",", ":"), allow_nan=False)
    need(hashlib.sha256(line.encode()).hexdigest() == digest, "an entry of certificate.json was edited")
    kind, paths = READS.get(about["verifier"].split("_")[0]), ["../network.safetensors", "slack.safetensors"]
    paths += ["explanation.json", "explanation.safetensors"] if kind else []
    if about["verifier"] == "cascade":
        paths += [name for name in NEIGHBOURS if (folder / name).is_file()]
    files = [(folder / path).read_bytes() for path in paths]
    found = [hashlib.sha256(data).hexdigest() for data in files]
    digests = dict(zip(["network", "slack", *paths[2:]], found, strict=True))
    need(about["format"] == 2 and about["files"] == digests, "files are not those that were certified")
    key = digests["network"], about["activation"]
    if key not in networks:
        networks.clear()  # those of one folder follow each other
        networks[key] = Network(files[0], about["activation"], sample, seed)
    network, arrays = networks[key], tensors(files[1])
    need(list(arrays) == ["slack"] and arrays["slack"][:2] == ("F64", [network.n] * 2), "slack of another shape")
    follows(about, arrays["slack"][2], network)
    parts = explained(about, parse(files[2]), tensors(files[3]), network, kind) if kind else "no explanation"
    return f"bound {about['bound']:.4f}, {len(network.gaps)} of {network.n**2} pairs, {parts}"


def main(words: Sequence[str] | None = None) -> int:
    """Examine every certificate below a folder; 1 where one is refused or there is none."""
    parser = argparse.ArgumentParser(description="Accept or refuse certificates of group networks.", allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="A run, or any folder below its certificates/.")
    parser.add_argument("--pairs", type=int, default=0, help="Pairs to draw from each network; default: all.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of that draw.")
    given, refused, networks = parser.parse_args(words), 0, dict[tuple[str, str], Network]()
    found = sorted(given.folder.rglob("certificate.json"))
    for path in found:
        start, verdict = time.process_time(), "accepted"
        try:
            detail = examine(path.parent, networks, given.pairs, given.seed)
        except Exception as error:  # whatever goes wrong, nothing was proven
            verdict, refused, detail = "REFUSED", refused + 1, f"{type(error).__name__}: {error}"
        detail += f", {time.process_time() - start:.2f} s"
        print(f"{verdict}  {path.parent.relative_to(given.folder)}: {detail}", flush=True)
    print(f"{len(found)} certificates: {len(found) - refused} accepted, {refused} refused.")
    return int(refused > 0 or not found)


if __name__ == "__main__":
    sys.exit(main())
