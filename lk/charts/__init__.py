"""Charts of the report: a tidy frame in, SVG out that moves with the checkpoints and names each value on hovering.

They take the frames of `lk.plots`, whose figures are still pictures for loggers and notebooks.
"""

from lk.charts.bars import order_bars, overlap_bars
from lk.charts.cells import layer_epoch_cells, layer_order_cells
from lk.charts.chart import Chart
from lk.charts.effects import effect_bars
from lk.charts.lines import epoch_lines, probe_lines, ratio_lines, sorted_lines, training_lines
from lk.charts.run_lines import run_lines
from lk.charts.tiles import image_tiles

__all__ = [
    "Chart",
    "effect_bars",
    "epoch_lines",
    "image_tiles",
    "layer_epoch_cells",
    "layer_order_cells",
    "order_bars",
    "overlap_bars",
    "probe_lines",
    "ratio_lines",
    "run_lines",
    "sorted_lines",
    "training_lines",
]
