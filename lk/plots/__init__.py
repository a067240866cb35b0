"""Figures: a tidy frame in, a matplotlib `Figure` out. The caller saves it; nothing goes through pyplot.

Frames of averages have the columns mean, low and high (95 % interval) and n (`lk.studies.averages`). A column `marked`
flags layers that say little (`lk.studies.low_signal`); every figure shows the flag.
"""

from lk.plots.alluvial import alluvial
from lk.plots.change import change
from lk.plots.companions import companions
from lk.plots.generalisation_by_order import generalisation_by_order
from lk.plots.iou_matrix import iou_matrix
from lk.plots.layer_probes import layer_probes
from lk.plots.layer_ratios import layer_ratios
from lk.plots.noise_curve import noise_curve
from lk.plots.on_images import on_images
from lk.plots.order_over_epochs import order_over_epochs
from lk.plots.orders_over_training import orders_over_training
from lk.plots.overlap import overlap
from lk.plots.phases import phases
from lk.plots.ranked_effects import ranked_effects
from lk.plots.ratios import ratios
from lk.plots.run_lines import run_lines
from lk.plots.salient_count import salient_count
from lk.plots.signed_strength import signed_strength
from lk.plots.survival import survival

__all__ = [
    "alluvial",
    "change",
    "companions",
    "generalisation_by_order",
    "iou_matrix",
    "layer_probes",
    "layer_ratios",
    "noise_curve",
    "on_images",
    "order_over_epochs",
    "orders_over_training",
    "overlap",
    "phases",
    "ranked_effects",
    "ratios",
    "run_lines",
    "salient_count",
    "signed_strength",
    "survival",
]
