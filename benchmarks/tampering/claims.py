"""Tampering with what a certificate claims: slacks, and the numbers that follow from them."""

import copy
import math
from fractions import Fraction

import numpy as np
from tampering.stored import pick


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


def slack_lowered(rng, given, _):
    """Unsealed: a slack lowered by one step; the claim is true, and the file is another."""
    slack = given.slack
    place = tuple(rng.integers(len(slack), size=2))
    slack[place] = np.nextafter(slack[place], -math.inf)
    before = given.files["slack"]
    header = before[: len(before) - slack.nbytes]
    given.files["slack"] = header + np.ascontiguousarray(slack).tobytes()
    return given.files["slack"] != before


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


def seconds(rng, _):
    return pick(rng, [-1.0, "0.1", None, -1e-9])


def brute(rng, given):
    return given.about["brute_force_operations"] + pick(rng, [-1, 1])
