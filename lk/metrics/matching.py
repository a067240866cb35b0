"""Universal matching: the interactions rebuild every value (Cheng et al., ICML 2024, Theorem 3.3)."""

from torch import Tensor

from lk.transforms import inverse_harsanyi, inverse_or_interactions


def matching_error(values: Tensor, and_: Tensor, or_: Tensor, delta: Tensor) -> Tensor:
    """Largest mismatch over all coalitions, relative to the total strength.

    max over T of |v(T) - delta(T) - sum over S in T of I_and(S) - sum over S meeting T of I_or(S)| / sum over S of
    |I(S)|.

    Args:
        values: v, shape `(2**n, ...)`.
        and_: AND effects with `and_[0] = v(empty)`.
        or_: OR effects with `or_[0] = 0`.
        delta: Residual.

    Returns:
        One number per game, shape `values.shape[1:]`, without unit; 0 for a game without interactions that is matched
        exactly.
    """
    rebuilt = inverse_harsanyi(and_.double()) + inverse_or_interactions(or_.double())
    error = (values.double() - delta.double() - rebuilt).abs().amax(0)
    total = and_[1:].double().abs().sum(0) + or_[1:].double().abs().sum(0)
    # A constant game has no strength; its own size is then the measure.
    return error / total.where(total > 0, and_[0].double().abs().clamp(min=1))
