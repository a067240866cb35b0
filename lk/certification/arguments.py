"""Interactions between the two arguments of a group operation: the layerwise pipeline on a group network.

The players are x and y, and an absent one is replaced by the baseline, the mean embedding. A network that multiplies
needs both arguments at once, so I({x, y}) must carry its correct logit; a network that memorises single arguments, or
only knows how often a product occurs, shows it in I({x}), I({y}) or the empty coalition. The share of I({x, y}) is a
cheap measure of progress beside certified accuracy: the terms are coalitions there and circuits here, and both explain
a share of the same logit.
"""

import pandas as pd
import torch
from torch import Tensor

from lk.games import Rows, play
from lk.networks import GroupNetwork
from lk.scores import OfActivation
from lk.transforms import harsanyi


def centred_logit(logits: Tensor, target: Tensor) -> Tensor:
    """The target's logit above the mean of all logits, shape `(batch,)`.

    Invariant to a shift of all logits, which changes no answer.

    Example:
        >>> centred_logit(torch.tensor([[3.0, 0.0, 0.0]]), torch.tensor([0]))
        tensor([2.])
    """
    return logits.gather(1, target[:, None])[:, 0] - logits.mean(1)


def interactions_of_arguments(network: GroupNetwork, x: Tensor, y: Tensor, baseline: Tensor) -> pd.DataFrame:
    r"""AND interactions of the two arguments in the correct logit, pair by pair.

    .. math:: v(S) = f_{xy}(x_S) - \frac{1}{n} \sum_z f_z(x_S), \qquad
              \text{share} = \frac{|I(\{x, y\})|}{|I(\{x\})| + |I(\{y\})| + |I(\{x, y\})|}

    Source: Cheng et al., ICML 2024, Eq. 1, on the network of Wu et al., ICLR 2025.

    Args:
        network: One trained network (`seeds` is 1).
        x: Pairs as one-hot rows, shape `(pairs, 2, n)`, as `GroupTable.one_hot` gives them.
        y: Products, shape `(pairs,)`.
        baseline: What stands for an absent argument, shape `(2, n)`, as `GroupTable.baseline`.

    Returns:
        A row per pair: `empty`, `x`, `y` and `xy` (effects, in logits), `share` (of I({x, y}); NaN where all effects
        vanish).

    Raises:
        ValueError: The network holds several seeds.
    """
    if network.seeds > 1:
        raise ValueError(
            f"expected one network, got {network.seeds} seeds. Pass GroupNetwork.from_tables(network.tables().seed(i))."
        )
    owner = Rows().divide(x, baseline)
    values, _ = play(network, None, [], x, y, owner, baseline.expand_as(x), OfActivation(centred_logit), batch_size=4)
    effects = harsanyi(values[:, 0].double())
    strength = effects[1:].abs()
    share = strength[2] / strength.sum(0)
    columns = torch.cat([effects, share[None]]).numpy()
    return pd.DataFrame(dict(zip(("empty", "x", "y", "xy", "share"), columns, strict=True)))
