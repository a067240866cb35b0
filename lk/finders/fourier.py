"""Which irreps a network computes in, and which neurons share a direction.

Explanations for `schur`, from the weights alone.
"""

from collections.abc import Sequence

import numpy as np

from lk.groups import Group, Irrep
from lk.groups import irreps as all_irreps
from lk.proofs.activation import magnitude
from lk.proofs.explanation import Clusters, FourierExplanation
from lk.proofs.rounding import Floats
from lk.proofs.tables import Tables

SHARES = (0.05, 0.01, 0.002)  # of the power of the unembedding: an irrep below it is left to the residual
COSINES = (0.98, 0.9)  # neurons nearer than this share a direction
_NEGLIGIBLE = 1e-3  # of the largest neuron
_SAVING = 0.8  # clusters are kept if they leave at most this part of the cost


def find_fourier(tables: Tables, group: Group, irreps: Sequence[Irrep] | None = None) -> list[FourierExplanation]:
    """Candidate explanations by irreps, the best guess first: nothing about them is proven, `schur` decides.

    The power of the unembedding in every irrep is summed over neurons, each weighted by the size of its activations, so
    that rescaling a neuron changes nothing. Irreps above a threshold are taken, for several thresholds, with neurons
    clustered by direction where that saves operations, and unclustered.

    Args:
        tables: The network.
        group: Its group.
        irreps: Its real irreps, if they are at hand; the trivial one plays no part.

    Returns:
        At least one explanation.

    Raises:
        ValueError: the network has another order than the group.

    Example:
        >>> from lk.groups import Cyclic
        >>> angles = 2 * np.pi / 5 * (np.arange(5)[:, None] + np.arange(5))
        >>> network = Tables(np.cos(angles), np.cos(angles), np.cos(2 * angles), np.zeros(5))
        >>> [len(explanation.matrices) for explanation in find_fourier(network, Cyclic(5))][0]
        1
    """
    tables.check_group(group)
    found = [
        irrep
        for irrep in (all_irreps(group) if irreps is None else irreps)
        if not (irrep.character > irrep.dimension - 1e-6).all()
    ]
    n, m = tables.order, tables.width
    if not found:
        return [FourierExplanation((), n, m)]
    unembed = weighted_unembedding(tables)
    parts = [coefficients(unembed, irrep) for irrep in found]
    powers = np.array(
        [(part**2).sum() * irrep.norm / irrep.dimension for part, irrep in zip(parts, found, strict=True)]
    )
    powers = powers / max(powers.sum(), 1e-300)
    explanations, seen = list[FourierExplanation](), set[tuple[int, ...]]()
    for share in SHARES:
        chosen = tuple(int(k) for k in np.flatnonzero(powers >= min(share, powers.max())))
        if chosen in seen:
            continue
        seen.add(chosen)
        matrices = tuple(found[k].matrices for k in chosen)
        blocks = [parts[k] for k in chosen]
        for cosine in COSINES:
            clusters = cluster(blocks, tables, cosine)
            if clusters is not None:
                explanations.append(FourierExplanation(matrices, n, m, clusters))
        explanations.append(FourierExplanation(matrices, n, m))
    return explanations


def weighted_unembedding(tables: Tables) -> Floats:
    """The unembedding centred over z, each neuron times the size of its activations, shape `(n, m)`."""
    _, _, unembed, _ = tables.doubles()
    return np.asarray((unembed - unembed.mean(0)) * activity(tables))


def activity(tables: Tables) -> Floats:
    """Root mean square of left and right about their means, passed through the activation: shape `(m,)`."""
    left, right, _, _ = tables.doubles()
    spread = np.sqrt(left.var(0) + right.var(0))
    return magnitude(spread, tables.activation)


def coefficients(functions: Floats, irrep: Irrep) -> Floats:
    """C with sum_jk C_jk rho_jk(g) the projection of functions to an irrep, shape `(d^2, columns)`."""
    n = len(functions)
    return np.asarray(irrep.matrices.reshape(n, -1).T @ functions * (irrep.dimension / irrep.norm / n))


def cluster(blocks: Sequence[Floats], tables: Tables, cosine: float) -> Clusters | None:
    """Greedy clusters of neurons by the direction of their largest block, or None where they save too little.

    Args:
        blocks: Coefficients of the weighted unembedding in every irrep, shape `(d^2, m)` each.
        tables: The network.
        cosine: Least cosine, up to sign, to the neuron that a cluster starts from.
    """
    sizes = np.stack([np.sqrt((block**2).sum(0)) for block in blocks])
    own, scale = sizes.argmax(0), np.maximum(activity(tables), 1e-300)
    m, d = tables.width, sum(len(block) for block in blocks)
    labels, weights = np.full(m, -1), np.zeros(m)
    directions = list[Floats]()
    begin, work = 0, 0
    for k, block in enumerate(blocks):
        mine = np.flatnonzero((own == k) & (sizes[k] > _NEGLIGIBLE * sizes.max()))
        open_ = mine[np.argsort(-sizes[k, mine])]
        unit = block / np.maximum(sizes[k], 1e-300)
        while len(open_):
            cosines = unit[:, open_[0]] @ unit[:, open_]
            near = np.abs(cosines) >= cosine
            near[0] = True  # whatever its cosine with itself rounds to: each round takes a neuron away
            members, signs = open_[near], np.where(cosines[near] < 0.0, -1.0, 1.0)
            mean = block[:, members] @ signs
            mean = mean / np.linalg.norm(mean)
            labels[members] = len(directions)
            weights[members] = mean @ block[:, members] / scale[members]
            direction = np.zeros(d)
            direction[begin : begin + len(block)] = mean
            directions.append(direction)
            work += len(block)
            open_ = open_[~near]
        begin += len(block)
    if m + work > _SAVING * m * d or not directions:
        return None
    return Clusters(labels, weights, np.stack(directions, axis=1))
