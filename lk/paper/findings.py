"""The eight findings of Cheng et al. (ICML 2024, Sect. 4) as contrasts.

Each is a number that is above zero where the finding holds.

A finding has parts. A part holds where the whole 95 % interval of its contrast lies above zero, fails where it lies
below, and is undecided otherwise. A finding holds where all of its parts hold, and does not hold where one of them
fails. Intervals are over samples, with everything computed anew without each, and over training seeds where an
architecture has three or more (`lk.metrics.interval`). Fewer than `LEAST` samples decide nothing.

Orders: the highest four are left out, as in the paper; of the others the lower half is called low, the upper half high.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lk.extraction.tables import intermediate
from lk.interactions import Interactions
from lk.metrics.comparison import Shares, shares
from lk.metrics.intervals import LEAST as LEAST
from lk.metrics.intervals import Array, Interval, divide, interval, jackknife
from lk.paper.controls import SAME_NETWORK
from lk.studies.averages import counts, strengths
from lk.studies.run_facts import high_orders, low_orders
from lk.studies.verdict import judge

BOTH = 2  # position of both kinds together
MOST = 0.05  # a game is called sparse while fewer of its possible interactions are salient


class LayerMeasures:
    """What the contrasts look at: the layers of one network against its output, on all samples and without each.

    Args:
        found: Interactions of every layer.
    """

    def __init__(self, found: Interactions) -> None:
        weights = jackknife(found.n_samples)
        self.n, self.hidden = found.n_players, list(found.layers[:-1])
        self.middle = self.hidden.index(intermediate(found.layers))
        last = found.output
        self.against: Shares = shares(found, range(last), found, [last] * last, weights)
        self.count = counts(found, weights)[:, BOTH, 0]
        self.strength = strengths(found, weights)["salient"][:, BOTH]

    def completeness(self, place: int, orders: Sequence[int] | None = None) -> Array:
        """Share of the output's strength that a hidden layer holds, of some orders."""
        return divide(
            self.over(self.against.overlap, place, orders), self.over(self.against.all_reference, place, orders)
        )

    def redundancy(self, place: int, orders: Sequence[int] | None = None) -> Array:
        """Share of a hidden layer's strength that the output lacks, of some orders."""
        return divide(self.over(self.against.forgotten, place, orders), self.over(self.against.all, place, orders))

    def forgotten(self, place: int, orders: Sequence[int]) -> Array:
        """Strength of a hidden layer that the output lacks, of some orders."""
        return self.over(self.against.forgotten, place, orders)

    def over(self, measured: Array, place: int, orders: Sequence[int] | None) -> Array:
        """Both kinds, summed over orders."""
        return np.asarray(
            measured[:, BOTH, 0, place] if orders is None else measured[:, BOTH, list(orders), place].sum(1)
        )

    def share_of(self, place: int, orders: Sequence[int]) -> Array:
        """Share of some orders in a layer's own salient strength."""
        return divide(self.strength[:, list(orders), place].sum(1), self.strength[:, 1:, place].sum(1))


@dataclass(frozen=True)
class Part:
    """A part of a finding.

    Attributes:
        finding: Number of the finding in the paper's order.
        text: What is claimed.
        contrast: Above zero where it holds, `(rows,)` for the rows of `lk.metrics.jackknife`.
        networks: Names of the networks it is claimed for; empty for all.
        inputs: Inputs it is claimed for, among those of `FinalCheckpoint.inputs`; empty for all.
        layers: Whether it is about layers, so that the controls of the probes bear on it.
    """

    finding: int
    text: str
    contrast: Callable[[LayerMeasures], Array]
    networks: tuple[str, ...] = ()
    layers: bool = True
    inputs: tuple[str, ...] = ()


# Appendix K speaks of ResNet-20 on both sets of images, of MLP-7 and VGG-11 on CIFAR-10 alone, and not of ResNet-32 and
# XLNet.
GRADUAL, CONVOLUTIONAL, TEXT = ("MLP-7", "VGG-11"), ("ResNet-20",), ("BERT", "DistilBERT")
PARTS = (
    Part(
        1,
        f"fewer than {100 * MOST:g} % of the possible interactions are salient at the output",
        lambda r: MOST - r.count[:, -1] / (2 * (2**r.n - 1) - r.n),
        layers=False,
    ),
    Part(
        2,
        "the last hidden layer has a larger share of high orders than the first",
        lambda r: r.share_of(len(r.hidden) - 1, high_orders(r.n)) - r.share_of(0, high_orders(r.n)),
    ),
    Part(
        2,
        "the last hidden layer shares more with the output than the first (overlap)",
        lambda r: r.over(r.against.overlap, len(r.hidden) - 1, None) - r.over(r.against.overlap, 0, None),
    ),
    Part(
        3,
        "low orders are stronger in sum than high orders at the output",
        lambda r: r.strength[:, low_orders(r.n), -1].sum(1) - r.strength[:, high_orders(r.n), -1].sum(1),
        layers=False,
    ),
    Part(
        4,
        "completeness of the intermediate layer exceeds that of the first",
        lambda r: r.completeness(r.middle) - r.completeness(0),
    ),
    Part(
        4,
        "the intermediate layer holds more than half of the output's strength",
        lambda r: r.completeness(r.middle) - 0.5,
    ),
    Part(
        4,
        "high orders stay less complete than low orders up to the last hidden layer",
        lambda r: (
            r.completeness(len(r.hidden) - 1, low_orders(r.n)) - r.completeness(len(r.hidden) - 1, high_orders(r.n))
        ),
    ),
    Part(
        5,
        "redundancy rises from the first to the intermediate layer",
        lambda r: r.redundancy(r.middle) - r.redundancy(0),
    ),
    Part(
        5,
        "redundancy falls from the intermediate to the last hidden layer",
        lambda r: r.redundancy(r.middle) - r.redundancy(len(r.hidden) - 1),
    ),
    Part(
        8,
        "the intermediate layer holds more than half of the output's strength (ResNets learn early)",
        lambda r: r.completeness(r.middle) - 0.5,
        CONVOLUTIONAL,
    ),
    Part(
        8,
        "what late layers forget is of high order rather than of low",
        lambda r: (
            (r.forgotten(r.middle, high_orders(r.n)) - r.forgotten(len(r.hidden) - 1, high_orders(r.n)))
            - (r.forgotten(r.middle, low_orders(r.n)) - r.forgotten(len(r.hidden) - 1, low_orders(r.n)))
        ),
        (*CONVOLUTIONAL, *TEXT),
    ),
    Part(
        8,
        "the first layer holds less than half of what the last hidden layer holds (early layers cannot)",
        lambda r: r.completeness(len(r.hidden) - 1) / 2 - r.completeness(0),
        (*GRADUAL, *TEXT),
        inputs=("colour images", "text"),
    ),
    Part(
        8,
        "redundancy of the intermediate layer is below one half",
        lambda r: 0.5 - r.redundancy(r.middle),
        GRADUAL,
        inputs=("colour images", "tables"),
    ),
    Part(
        8,
        "the intermediate layer holds more than half of the output's strength (tables are learned quickly)",
        lambda r: r.completeness(r.middle) - 0.5,
        GRADUAL,
        inputs=("tables",),
    ),
    Part(8, "redundancy of the intermediate layer is above one half", lambda r: r.redundancy(r.middle) - 0.5, TEXT),
    Part(
        8,
        "completeness of the last two hidden layers differs by less than 0.1 (top layers hardly change)",
        lambda r: 0.1 - np.abs(r.completeness(len(r.hidden) - 1) - r.completeness(len(r.hidden) - 2)),
        GRADUAL,
        inputs=("colour images",),
    ),
)


def claimed(part: Part, network: str, inputs: str) -> bool:
    """Whether the paper claims a part for a network on such inputs.

    The initial words of the name decide, so that variants count.
    """
    named = not part.networks or any(network == name or network.startswith(f"{name} ") for name in part.networks)
    return named and (not part.inputs or inputs in part.inputs)


def measured(part: Part, runs: Sequence[LayerMeasures]) -> Array:
    """The contrast of each run of one network, `(rows, runs)`."""
    return np.stack([part.contrast(read) for read in runs], 1)


def over_runs(contrasts: Array) -> Interval:
    """Mean of a contrast over the runs of one network, `(rows, runs)`, with its interval over samples and runs."""
    return interval(contrasts.mean(1), contrasts[0])


def findings(
    network: str,
    runs: Sequence[Interactions],
    controls: Mapping[str, tuple[Sequence[Interactions], Sequence[Interactions]]],
    inputs: str = "grey images",
) -> pd.DataFrame:
    """Every part that the paper claims for a network, with its interval and its controls.

    Args:
        network: Name of the architecture.
        runs: Interactions of each training seed.
        controls: For each control, the interactions of each seed under it, and the real ones on the same samples.
        inputs: What the network reads, see `FinalCheckpoint.inputs`.

    Returns:
        Columns finding, part, network, condition (`as measured`, or a control), value, low, high, p, verdict, n, seeds,
        and `excess`, `excess_low`, `excess_high`: the contrast minus that under the control, on the same samples.
    """

    def read(found: Sequence[Interactions]) -> list[LayerMeasures]:
        return [LayerMeasures(one) for one in found]

    # Read once for all parts: every quantity is computed anew without each sample.
    reads, total = read(runs), runs[0].and_.shape[2]
    under = {name: (read(other), read(own), other[0].and_.shape[2]) for name, (other, own) in controls.items()}
    rows = []
    for part in PARTS:
        if not claimed(part, network, inputs):
            continue
        common = {"finding": part.finding, "part": part.text, "network": network, "seeds": len(runs)}
        rows.append({**common, "condition": "as measured", "n": total, **judge(over_runs(measured(part, reads)))})
        for name, (other_reads, own_reads, samples) in under.items():
            if not part.layers and name in SAME_NETWORK:
                continue
            shown = measured(part, other_reads)
            excess = over_runs(measured(part, own_reads) - shown)
            rows.append(
                {
                    **common,
                    "condition": name,
                    "n": samples,
                    **judge(over_runs(shown)),
                    "excess": float(excess.value),
                    "excess_low": float(excess.low),
                    "excess_high": float(excess.high),
                }
            )
    return pd.DataFrame(rows)
