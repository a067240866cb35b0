"""Tampering with the network and the Cayley table that a certificate is about."""

import math

import numpy as np
from tampering.stored import ACTIVATIONS, pick


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


def wider_embedding(_rng, given, _):
    """Sealed: tables of more columns than neurons, without linear maps."""
    arrays = given.arrays("network")
    if "weight_left" in arrays:
        return False
    given.store(
        "network", arrays | {name: np.pad(arrays[name], ((0, 0), (0, 1))) for name in ("embed_left", "embed_right")}
    )
    given.seal()
    return True


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


def entries_swapped(rng, given, _):
    """Sealed: two different entries of the Cayley table exchanged: a row or a column then holds an element twice."""
    table = given.arrays("network")["group"]
    a, b = (tuple(rng.integers(len(table), size=2)) for _ in range(2))
    table[a], table[b] = table[b], table[a]
    return table[a] != table[b] and set_table(given, table)


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


def monoid(_rng, given, _):
    """Sealed: products modulo n, with identity and associative, but without inverses."""
    n = len(given.arrays("network")["group"])
    return set_table(given, np.outer(np.arange(n), np.arange(n)) % n)


def no_element(rng, given, _):
    """Sealed: an entry of the table that is no element."""
    table = given.arrays("network")["group"]
    table[tuple(rng.integers(len(table), size=2))] = pick(rng, [-1, len(table)])
    return set_table(given, table)
