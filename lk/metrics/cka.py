"""Similarity of two layers' features: linear CKA with the unbiased HSIC."""

from torch import Tensor


def u_centred(gram: Tensor) -> Tensor:
    r"""A Gram matrix without diagonal, rows and columns centred so that products of two estimate without bias.

    .. math:: \tilde K_{ij} = K_{ij} - \frac{\sum_{l \ne i} K_{il}}{n - 2} - \frac{\sum_{l \ne j} K_{lj}}{n - 2}
        + \frac{\sum_{k \ne l} K_{kl}}{(n - 1)(n - 2)}, \quad i \ne j, \qquad \tilde K_{ii} = 0

    Source: Szekely and Rizzo, Ann. Statist. 42, 2014, Definition 2.

    Args:
        gram: Inner products of samples, shape `(n, n)`, n at least 4.
    """
    n = len(gram)
    off = gram.double().clone().fill_diagonal_(0.0)
    rows = off.sum(1)
    centred = off - rows[:, None] / (n - 2) - rows[None] / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    return centred.fill_diagonal_(0.0)


def cka(one: Tensor, other: Tensor) -> float:
    r"""Debiased linear CKA of two Gram matrices of the same samples: 1 for equal features up to rotation and scale.

    .. math:: \mathrm{CKA} = \frac{\mathrm{HSIC}_1(K, L)}{\sqrt{\mathrm{HSIC}_1(K, K)\,\mathrm{HSIC}_1(L, L)}}, \qquad
        \mathrm{HSIC}_1(K, L) = \frac{\sum_{ij} \tilde K_{ij} \tilde L_{ij}}{n (n - 3)}

    Unrelated features have 0 on average, whatever their number; single estimates may be below 0.

    Source: Kornblith et al., ICML 2019, Sect. 3; HSIC_1: Song et al., JMLR 13, 2012, Eq. 5.

    Args:
        one: Inner products of samples at one layer, shape `(n, n)`.
        other: The same at another layer, of the same samples.

    Returns:
        The similarity; NaN where a layer does not vary.

    Raises:
        ValueError: The shapes differ, or n is below 4.

    Example:
        >>> x = torch.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [0.0, 3.0], [1.0, 1.0]])
        >>> round(cka(x @ x.T, 4 * x @ x.T), 6)
        1.0
    """
    if one.shape != other.shape or one.ndim != 2 or one.shape[0] != one.shape[1] or len(one) < 4:
        raise ValueError(
            f"expected two (n, n) Gram matrices of the same n >= 4 samples, got shapes {tuple(one.shape)} and "
            f"{tuple(other.shape)}. Take the same samples for both."
        )
    k, lower = u_centred(one), u_centred(other)
    sizes = float((k * k).sum()) * float((lower * lower).sum())
    return float((k * lower).sum()) / sizes**0.5 if sizes > 0 else float("nan")
