"""Verifiers one after another, each on the pairs that the ones before left open: a bound for every price."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lk.groups import Group
from lk.proofs.brute_force import brute_force
from lk.proofs.certificate import Certificate
from lk.proofs.explanation import FourierExplanation, GSetExplanation, LookupExplanation
from lk.proofs.gset import gset
from lk.proofs.lookup import lookup
from lk.proofs.lowrank import lowrank
from lk.proofs.rounding import Ints
from lk.proofs.schur import schur
from lk.proofs.separable import separable
from lk.proofs.tables import Tables


def cascade(
    tables: Tables,
    group: Group,
    circuits: GSetExplanation | None = None,
    fourier: FourierExplanation | None = None,
    rank: int | None = None,
    complete: bool = True,
    lookups: LookupExplanation | None = None,
) -> Certificate:
    """Certify as much as possible as cheaply as possible.

    Separable, gset, clustered schur, lookup, schur, lowrank, brute force.

    Args:
        tables: The network.
        group: Its group, the trusted specification.
        circuits: For the separable and the gset tier.
        fourier: For the schur tiers; the clustered one runs if it has clusters.
        rank: For the lowrank tier.
        complete: Whether brute force decides the pairs that are left; the bound is then the exact accuracy.
        lookups: For the lookup tier.

    Returns:
        Certificate whose slack is the best of all tiers; `tiers` lists bound, operations and seconds after each,
        cumulative.

    Example:
        >>> from lk.groups import Cyclic
        >>> network = Tables(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 2)), np.array([2.0, 1.0, 0.0]))
        >>> certificate = cascade(network, Cyclic(3), rank=1)
        >>> [tier[0] for tier in certificate.tiers], round(at(certificate, 100.0), 2)
        (['lowrank', 'brute_force'], 0.33)
    """
    start = time.perf_counter()
    steps: list[Callable[[Ints], Certificate]] = []
    if circuits is not None:
        steps += [lambda _: separable(tables, group, circuits), lambda open_: gset(tables, group, circuits, open_)]
    if fourier is not None and fourier.clusters is not None:
        steps.append(lambda open_: schur(tables, group, fourier, open_))
    if lookups is not None:
        steps.append(lambda open_: lookup(tables, group, lookups, open_))
    if fourier is not None:
        steps.append(lambda open_: schur(tables, group, replace(fourier, clusters=None), open_))
    if rank is not None:
        steps.append(lambda open_: lowrank(tables, group, rank, open_))
    if complete:
        steps.append(lambda open_: brute_force(tables, group, open_))
    slack = np.full((tables.order, tables.order), -np.inf)
    tiers: list[tuple[str, float, int, float]] = []
    operations, dropped, margin = 0, list[str](), None
    for step in steps:
        open_ = np.flatnonzero(~(slack.ravel() > 0.0))
        if not len(open_):
            break
        certificate = step(open_)
        slack = np.maximum(slack, certificate.slack)
        operations += certificate.operations
        dropped += [reason for reason in certificate.dropped if reason not in dropped]
        margin = margin if certificate.margin is None else certificate.margin
        tiers.append((certificate.verifier, float((slack > 0.0).mean()), operations, time.perf_counter() - start))
    settled = complete or bool((slack > 0.0).all())
    return Certificate(
        "cascade",
        slack,
        operations,
        tables.brute_force_operations,
        time.perf_counter() - start,
        float((slack > 0.0).mean()) if settled else None,
        margin,
        dropped=tuple(dropped),
        tiers=tuple(tiers),
    )


def at(certificate: Certificate, cap: float) -> float:
    """The bound that a cascade reached within `cap` times the operations of brute force."""
    budget = cap * certificate.brute_force_operations
    return max((bound for _, bound, operations, _ in certificate.tiers if operations <= budget), default=0.0)
