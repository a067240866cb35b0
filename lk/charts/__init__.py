"""Charts of the report: a tidy frame in, SVG out that moves with the checkpoints and names each value on hovering.

The same frames as in `lk.plots`, whose figures are still pictures for loggers and notebooks.
"""
