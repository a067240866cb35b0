"""What a group network has learned, measured on its whole table.

Rows of step, epoch, seed, quantity, irrep and value.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lk.groups import Group, Irrep
from lk.metrics import biequivariance, coset_constancy, gini, irrep_losses, irrep_power, table_losses
from lk.metrics.coset_constancy import CONSTANT
from lk.metrics.logits import Network


def progress_measures(
    network: Network,
    group: Group,
    trained: NDArray[np.bool_],
    irreps: Sequence[Irrep],
    subgroups: Sequence[NDArray[np.int64]],
) -> pd.DataFrame:
    """All measures of one network.

    Args:
        network: The network.
        group: Its group.
        trained: Pairs (x, y) that it was trained on, shape `(n, n)`.
        irreps: All irreps of the group.
        subgroups: All its subgroups.

    Returns:
        Columns quantity, irrep (its name, empty where it is about none) and value: `train/`, `test/` and `full/` loss
        (nats) and accuracy; biequivariance; power of each irrep in left, right and unembed, and its Gini index; share
        of the variance inside cosets (mean over neurons), and of neurons that are constant on them; restricted and
        excluded loss (nats) of each irrep.
    """
    rows: list[tuple[str, str, float]] = []
    losses, right = table_losses(network, group)
    for split, part in (("train", trained), ("test", ~trained), ("full", np.ones_like(trained))):
        rows += [
            (f"{split}/loss", "", float(losses[part].mean())),
            (f"{split}/accuracy", "", float(right[part].mean())),
        ]
    rows.append(("biequivariance", "", biequivariance(network, group)))
    for name, table in (("left", network.left), ("right", network.right), ("unembed", network.unembed)):
        shares = irrep_power(table, irreps)
        rows += [(f"power_{name}", irrep.name, float(share)) for irrep, share in zip(irreps, shares, strict=True)]
        rows.append((f"gini_{name}", "", gini(shares)))
    for name, table, side in (("left", network.left, "right"), ("right", network.right, "left")):
        inside, _ = coset_constancy(table, group, subgroups, side)
        rows += [
            (f"coset_{name}", "", float(inside.mean())),
            (f"coset_constant_{name}", "", float((inside < CONSTANT).mean())),
        ]
    for name, values in zip(("restricted", "excluded"), irrep_losses(network, group, irreps), strict=True):
        rows += [(f"{name}_loss", irrep.name, float(value)) for irrep, value in zip(irreps, values, strict=True)]
    return pd.DataFrame(rows, columns=["quantity", "irrep", "value"])
