"""Circuits on G-sets, rho-sets among them, from the weights alone: explanations for `gset`, `irrep` and `separable`.

If neurons form a circuit, left is a translate of one function, l(x) = a lambda(x^-1 p), and right of another: so
neurons are grouped by the best correlation between translates, which asks at once for the same direction a (Wu et
al. 2025) and for points b of one orbit, and knows no difference between irreps of real, complex and quaternionic type.
Each group is then fitted with the cosets of every subgroup.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lk.finders.contributions import active_neurons, contributions
from lk.finders.greedy import greedy_groups
from lk.finders.sided import sided_circuits
from lk.finders.translates import Columns, Fit, Fitter, columns, similarity
from lk.groups import Group, Irrep, power
from lk.groups import irreps as all_irreps
from lk.groups import subgroups as all_subgroup_classes
from lk.proofs.circuits import GSetCircuit, SidedCircuit, SignTerm
from lk.proofs.explanation import GSetExplanation
from lk.proofs.gset import gset
from lk.proofs.rounding import Ints
from lk.proofs.tables import Tables

COSINES = (0.97, 0.9, 0.0)  # neurons of one circuit; at 0 all neurons of an irrep
_FITS = 0.5  # least part of left, right and unembedding that a circuit must describe in each of its neurons
_LEAST = 3  # neurons of a group
_SAMPLE = 600  # pairs on which candidates are compared
_STAND_IN = 1e-6  # size of a neuron that stands in for a missing one


def find_gset(
    tables: Tables, group: Group, irreps: Sequence[Irrep] | None = None, subgroups: Sequence[Ints] | None = None
) -> list[GSetExplanation]:
    """Candidate explanations by circuits on G-sets, the best guess first; nothing about them is proven.

    Args:
        tables: The network.
        group: Its group.
        irreps: Its real irreps, if they are at hand; they sort the neurons.
        subgroups: Candidates for stabilisers; by default one of each conjugacy class.

    Returns:
        At least one explanation, perhaps without circuits.

    Raises:
        ValueError: the network has another order than the group.

    Example:
        >>> from lk.groups import Symmetric
        >>> from lk.finders.ideal import ideal, rho_set
        >>> s3 = Symmetric(3)
        >>> standard = all_irreps(s3)[2]
        >>> network, _ = ideal(s3, [rho_set(s3, standard.matrices, np.array([0, 1]), np.array([1.0, 0.3]))])
        >>> gset(network, s3, find_gset(network, s3)[0]).bound
        1.0
    """
    tables.check_group(group)
    finder = _Finder(tables, group, all_irreps(group) if irreps is None else irreps, subgroups)
    candidates = [finder.explain(cosine, absorb) for cosine in COSINES for absorb in (False, True)]
    candidates += [finder.sided(order) for order in (("left",), ("right",), ("left", "right"), ("right", "left"))]
    candidates += [finder.mixed()]
    different = list({_key(candidate): candidate for candidate in candidates}.values())
    return sorted(different, key=finder.score, reverse=True)


def _key(explanation: GSetExplanation) -> tuple[bytes, ...]:
    return tuple(
        array.tobytes()
        for part in (*explanation.circuits, *explanation.signs, *explanation.sided)
        for array in part.arrays().values()
    )


class _Finder:
    def __init__(self, tables: Tables, group: Group, irreps: Sequence[Irrep], given: Sequence[Ints] | None) -> None:
        self.tables, self.group, self.irreps = tables, group, irreps
        left, right, unembed, _ = tables.doubles()
        self.columns: Columns = columns(left, right, unembed)
        mean = right.mean(0)
        self.mirrored = replace(self.columns, left=left + mean, right=right - mean)
        self.active = active_neurons(contributions(tables))
        self.spare = np.setdiff1d(np.arange(tables.width), self.active)
        centred = [table - table.mean(0) for table in (left, right, unembed)]
        self.powers = np.array([sum(power(table, irrep) for table in centred) / 3.0 for irrep in irreps])
        self.own = self.powers.argmax(0)
        self.subgroups = [
            np.asarray(h) for h in (all_subgroup_classes(group, self._largest_index()) if given is None else given)
        ]
        self.fitters: dict[int, Fitter] = {}
        self.fits: dict[tuple[int, bytes], Fit] = {}
        self.similarities: dict[int, np.ndarray] = {}
        rng = np.random.default_rng(0)
        pairs = group.order**2
        self.sample = np.arange(pairs) if pairs <= _SAMPLE else np.sort(rng.choice(pairs, _SAMPLE, replace=False))

    def _largest_index(self) -> int:
        return int(np.sqrt(self.tables.width)) + 1

    def score(self, explanation: GSetExplanation) -> tuple[float, bool, float]:
        """Share of sample pairs that are certified, whether all is equivariant on both sides, and the mean slack."""
        slack = gset(self.tables, self.group, explanation, self.sample).slack.ravel()[self.sample]
        return float((slack > 0.0).mean()), not explanation.sided, float(np.mean(np.clip(slack, -1e30, 1e30)))

    def explain(self, cosine: float, absorb: bool) -> GSetExplanation:
        """Circuits from groups of neurons at this cosine.

        `absorb` gives neurons that are left to a circuit of their irrep.
        """
        circuits, signs = list[GSetCircuit](), list[SignTerm]()
        spare = self.spare.tolist()
        for k in np.unique(self.own[self.active]).tolist():
            neurons = self.active[self.own[self.active] == k]
            irrep = self.irreps[k]
            if irrep.dimension == 1:
                term = sign_term_of(self.tables, irrep, neurons, spare) if irrep.character.min() < 0 else None
                signs += [] if term is None else [term]
                continue
            for members, first in self.groups(k, neurons, cosine, absorb):
                circuit = self.circuit(irrep, members, first, spare)
                circuits += [] if circuit is None else [circuit]
        return GSetExplanation(tuple(circuits), tuple(signs), self.tables.order, self.tables.width)

    def irreps_of_neurons(self) -> list[tuple[Irrep, Ints]]:
        """Irreps of more than one dimension with their active neurons."""
        own = self.own[self.active]
        return [
            (self.irreps[k], self.active[own == k]) for k in np.unique(own).tolist() if self.irreps[k].dimension > 1
        ]

    def columns_of(self, irrep: Irrep, neurons: Ints, side: str) -> list[SidedCircuit]:
        """Circuits of one side of an irrep."""
        given = self.columns if side == "left" else self.mirrored
        fitters = [
            self.fitter(number)
            for number, h in enumerate(self.subgroups)
            if 1 < self.group.order // len(h) <= len(neurons)
        ]
        return [circuit for _, circuit in sided_circuits(given, fitters, irrep, neurons, side)]

    def sided(self, order: tuple[str, ...]) -> GSetExplanation:
        """Circuits of one side, then of the other from the neurons that are left."""
        base = self.explain(2.0, False)
        found = list[SidedCircuit]()
        for irrep, neurons in self.irreps_of_neurons():
            for side in order:
                circuits = self.columns_of(irrep, neurons, side)
                found += circuits
                neurons = np.setdiff1d(neurons, np.concatenate([np.empty(0, np.int64), *(c.neurons for c in circuits)]))
        return replace(base, sided=tuple(found))

    def mixed(self) -> GSetExplanation:
        """For every irrep the side that covers more neurons, then the other."""
        base = self.explain(2.0, False)
        found = list[SidedCircuit]()
        for irrep, neurons in self.irreps_of_neurons():
            options = list[tuple[int, int, list[SidedCircuit]]]()
            for order in (("left", "right"), ("right", "left")):
                circuits, rest = list[SidedCircuit](), neurons
                for side in order:
                    circuits += self.columns_of(irrep, rest, side)
                    rest = np.setdiff1d(rest, np.concatenate([np.empty(0, np.int64), *(c.neurons for c in circuits)]))
                options.append((len(rest), len(options), circuits))
            found += min(options)[2]
        return replace(base, sided=tuple(found))

    def fitter(self, number: int) -> Fitter:
        """The fitter of a subgroup, made once."""
        if number not in self.fitters:
            self.fitters[number] = Fitter(self.group, self.subgroups[number])
        return self.fitters[number]

    def groups(self, k: int, neurons: Ints, cosine: float, absorb: bool) -> list[tuple[Ints, int]]:
        """Greedy: the neuron with most neighbours and these, again and again.

        Members and the neuron that it started from.
        """
        if k not in self.similarities:
            self.similarities[k] = similarity(self.columns, self.group, neurons)
        found = list(greedy_groups(self.similarities[k] > cosine, _LEAST))
        if absorb and found:
            members, first = found[0]
            found[0] = (
                np.union1d(members, np.setdiff1d(np.arange(len(neurons)), np.concatenate([m for m, _ in found]))),
                first,
            )
            for extra, _ in [entry for entry in found[1:] if len(entry[0]) < len(members) / 2]:
                found[0] = np.union1d(found[0][0], extra), first
            found = [found[0], *[entry for entry in found[1:] if len(entry[0]) >= len(members) / 2]]
        return [(neurons[members], int(neurons[first])) for members, first in found]

    def circuit(self, irrep: Irrep, neurons: Ints, first: int, spare: list[int]) -> GSetCircuit | None:
        """The best fit over all subgroups, completed by spare neurons if some pairs of points are missing."""
        best: tuple[float, Fit, int] | None = None
        for number, subgroup in enumerate(self.subgroups):
            points = self.group.order // len(subgroup)
            if points < 2 or points**2 > len(neurons) + len(spare) or irrep.character[subgroup].mean() < 0.5:
                continue
            fit = self.fit(number, neurons, first)
            score = float(fit.quality.mean()) - fit.missing / points**2
            if fit.missing <= min(points**2 / 2, len(spare)) and (best is None or score > best[0] + 0.01):
                best = score, fit, number
        return (
            None
            if best is None
            else complete(best[1], neurons, spare, f"{irrep.name} on {best[1].action.shape[1]} points")
        )

    def fit(self, number: int, neurons: Ints, first: int) -> Fit:
        """One fit, made once."""
        key = number, neurons.tobytes()
        if key not in self.fits:
            self.fits[key] = self.fitter(number).fit(self.columns, neurons, first)
        return self.fits[key]


def complete(fit: Fit, neurons: Ints, spare: list[int], name: str) -> GSetCircuit | None:
    """The circuit of a fit without the neurons that it does not describe.

    Spare neurons, taken from the list, stand in for missing ones.
    """
    points = len(fit.lam)
    kept = np.flatnonzero((fit.quality.min(0) > _FITS) & (fit.weights > 0.0))
    missing = np.setdiff1d(np.arange(points**2), fit.cells[kept])
    if len(missing) > min(len(spare), points**2 // 2):
        return None
    stand_ins = np.array([spare.pop() for _ in missing], dtype=np.int64)
    return GSetCircuit(
        fit.action,
        fit.action,
        fit.lam,
        fit.mu,
        fit.kernel,
        np.concatenate([neurons[kept], stand_ins]),
        np.concatenate([fit.p[kept], missing // points]),
        np.concatenate([fit.q[kept], missing % points]),
        np.concatenate([fit.weights[kept], np.ones(len(missing))]),
        np.concatenate([fit.scales[kept], np.full(len(missing), _STAND_IN * fit.scales.max())]),
        name,
    )


def sign_term_of(tables: Tables, irrep: Irrep, neurons: Ints, spare: list[int]) -> SignTerm | None:
    """The sign term of neurons of a homomorphism to +-1.

    Spare neurons stand in for missing types, whose coefficient is then small.
    """
    left, right, unembed, _ = tables.doubles()
    sigma = np.rint(irrep.character).astype(np.int64)
    a, b, c = (sigma @ table[:, neurons] / tables.order for table in (left, right, unembed))
    signs_left, signs_right = np.where(a >= 0, 1, -1), np.where(b >= 0, 1, -1)
    scales = (np.abs(a) + np.abs(b)) / 2.0
    kinds = (1 - signs_left) + (1 - signs_right) // 2
    sums = np.bincount(kinds, c * scales, 4)
    both, mixed = float(sums[0] + sums[3]) / 2.0, float(sums[1] + sums[2]) / 2.0
    weights = c * scales * np.sign(np.where((kinds == 0) | (kinds == 3), both, mixed))
    kept = np.flatnonzero((weights > 0.0) & (scales > 0.0))
    missing = np.setdiff1d(np.arange(4), kinds[kept])
    if not len(kept) or len(missing) > len(spare):
        return None
    stand_ins = np.array([spare.pop() for _ in missing], dtype=np.int64)
    return SignTerm(
        sigma,
        np.concatenate([neurons[kept], stand_ins]),
        np.concatenate([signs_left[kept], 1 - 2 * (missing // 2)]),
        np.concatenate([signs_right[kept], 1 - 2 * (missing % 2)]),
        np.concatenate([weights[kept], np.ones(len(missing))]),
        np.concatenate([scales[kept], np.full(len(missing), _STAND_IN * scales.max())]),
        both,
        mixed,
        irrep.name,
    )
