"""Colours of the verifiers, the same in every figure."""

COLOURS = {
    "brute_force": "#000000",
    "irrep": "#E69F00",
    "gset": "#009E73",
    "schur": "#0072B2",
    "lookup": "#8C6D1F",
    "cascade": "#CC79A7",
}
