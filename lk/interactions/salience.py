"""Which interactions are salient: strictly stronger than a fraction of the strongest one."""

from torch import Tensor

SALIENCE_RATIO = 0.05  # of the paper (Cheng et al. 2024, footnote 7)
SCOPES = ("per_sample", "per_layer")


def thresholds(effects: Tensor, salience_ratio: float = SALIENCE_RATIO, scope: str = "per_sample") -> Tensor:
    r"""The threshold tau of every game.

    .. math:: \tau = \mathrm{salience\_ratio} \cdot \max_{S \ne \emptyset} \max(|I_{and}(S)|, |I_{or}(S)|)

    With `per_layer` the maximum also runs over samples (App. M.4), so it grows with their number.

    Source: Cheng et al., ICML 2024, footnote 7 and App. M.4.

    Args:
        effects: AND and OR effects `(2, 2**n, ..., samples)` with 0 for the empty coalition, as `Interactions.effects`.
        salience_ratio: The fraction.
        scope: `per_sample` or `per_layer`.

    Returns:
        Shape `(..., samples)`, in the unit of the effects.

    Raises:
        ValueError: The ratio is not within 0 and 1, or the scope is unknown.
    """
    if not 0 <= salience_ratio < 1:
        raise ValueError(f"expected 0 <= salience_ratio < 1, got salience_ratio={salience_ratio}. Use 0.05.")
    if scope not in SCOPES:
        raise ValueError(f"expected one of {', '.join(SCOPES)}, got scope={scope!r}. Choose one of these.")
    strongest = effects.abs().amax((0, 1))
    if scope == "per_layer":
        strongest = strongest.amax(-1, keepdim=True).expand_as(strongest)
    return salience_ratio * strongest


def salient(effects: Tensor, salience_ratio: float = SALIENCE_RATIO, scope: str = "per_sample") -> Tensor:
    """Which effects are salient: strength strictly above `thresholds`, booleans of the shape of `effects`."""
    return effects.abs() > thresholds(effects, salience_ratio, scope)
