"""Figures of certificates and circuits: a tidy frame in, a matplotlib `Figure` out, as in `lk.plots`."""

from lk.certification.plots.bound_against_cost import bound_against_cost
from lk.certification.plots.bound_histogram import bound_histogram
from lk.certification.plots.certified_accuracy import certified_accuracy
from lk.certification.plots.circuit import circuit
from lk.certification.plots.irrep_power_over_training import irrep_power_over_training
from lk.certification.plots.margin_against_error import margin_against_error

__all__ = [
    "bound_against_cost",
    "bound_histogram",
    "certified_accuracy",
    "circuit",
    "irrep_power_over_training",
    "margin_against_error",
]
