"""Keys of all loggers, see docs/dashboards.md.

The same for every logger: letters, digits, `_`, `-` and `/`, which all of them accept.
"""

import re

AXIS = "checkpoint/epoch"  # epochs trained, the axis of everything that exists at checkpoints only
# One figure each per checkpoint. The number keeps their order where a logger sorts by name.
EXTRACTION_FIGURES = ("1_completeness", "2_orders", "3_salient", "4_change", "5_sample", "6_probes")
GROUP_FIGURES = ("1_certified_accuracy", "2_cost", "3_circuit", "4_irreps")
DEFAULT = "default"  # the name of an extraction that keys leave out


def key(family: str, *parts: str, extraction: str = DEFAULT) -> str:
    """`family/part/...`, with the name of the extraction behind the family where it is not `default`.

    Example:
        >>> key("interactions", "1_layer1", "salient"), key("figures", "2_orders", extraction="unit")
        ('interactions/1_layer1/salient', 'figures/unit/2_orders')
    """
    return "/".join([family, *([] if extraction == DEFAULT else [plain(extraction)]), *parts])


def layer_part(place: int, layer: str, layers: int) -> str:
    """A layer as part of a key: its place, counted from 1 in as many digits as the last one has, and its name.

    Loggers sort by name: `layer10` would come before `layer2`, and `output` before all `stage` layers. No more digits
    than needed: terminals cut long keys.

    Args:
        place: Place of the layer among those that are read, from 0.
        layer: Its name.
        layers: How many are read.

    Example:
        >>> layer_part(1, "features.3", 9), layer_part(1, "features.3", 12)
        ('2_features_3', '02_features_3')
    """
    return f"{place + 1:0{len(str(layers))}d}_{plain(layer)}"


def plain(name: str) -> str:
    """A name without the characters that some logger refuses (MLflow), or reads as nesting (the dot in W&B).

    Example:
        >>> plain("blocks.0[1]/a b")
        'blocks_0_1_a_b'
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)
