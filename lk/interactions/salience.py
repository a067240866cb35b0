"""Which interactions are salient: strictly stronger than a fraction of the strongest one."""

from torch import Tensor

from lk.interactions.interactions import Interactions

SCOPES = ("per_sample", "per_layer")


def thresholds(interactions: Interactions, salience_ratio: float = 0.05, scope: str = "per_sample") -> Tensor:
    """The threshold tau of every layer and sample.

    tau = salience_ratio * max over S of max(|I_and(S)|, |I_or(S)|), for non-empty S (Cheng et al. 2024, footnote 7). With
    `per_layer` the maximum also runs over samples (their App. M.4), so it grows with the number of samples.

    Args:
        interactions: Effects of all layers and samples.
        salience_ratio: The fraction; 0.05 in the paper.
        scope: `per_sample` or `per_layer`.

    Returns:
        Shape `(layers, samples)`, in the unit of the score.

    Raises:
        ValueError: The ratio is not within 0 and 1, or the scope is unknown.
    """
    if not 0 <= salience_ratio < 1:
        raise ValueError(f"Given salience_ratio={salience_ratio}; expected 0 <= salience_ratio < 1.")
    if scope not in SCOPES:
        raise ValueError(f"Given scope={scope!r}; expected one of {', '.join(SCOPES)}.")
    strongest = interactions.effects.abs().amax((0, 1))
    if scope == "per_layer":
        strongest = strongest.amax(1, keepdim=True).expand_as(strongest)
    return salience_ratio * strongest


def salient(interactions: Interactions, salience_ratio: float = 0.05, scope: str = "per_sample") -> Tensor:
    """Which effects are salient: strength strictly above the threshold, `(2, 2**n, layers, samples)` booleans (AND, OR)."""
    return interactions.effects.abs() > thresholds(interactions, salience_ratio, scope)
