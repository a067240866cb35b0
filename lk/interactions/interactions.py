"""AND-OR interactions of every layer and sample, with what is needed to read them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from lk.interactions.indices import to_shapiq
from lk.interactions.origin import FIELDS, PER_SAMPLE, REMEDY, Origin, header_of, read_about
from lk.interactions.salience import SALIENCE_RATIO, salient, thresholds
from lk.layers import OUTPUT
from lk.storage.stored import expect, read_tensors, write_tensors
from lk.storage.strict_json import damaged
from lk.text import nearest
from lk.transforms import inverse_harsanyi, inverse_or_interactions, number_of_players, orders, players_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from shapiq import InteractionValues

TENSORS = ("and_", "or_", "delta", "objective", "lower_bound", "certified")
CANONICAL = "canonical"  # a tensor that older files lack
KINDS = ("AND", "OR")


class Effect(NamedTuple):
    """One interaction of a game: its kind, its players by number, its signed effect in the unit of the score."""

    kind: str
    players: tuple[int, ...]
    effect: float


@dataclass(frozen=True, eq=False)
class Interactions:
    """AND and OR interactions of every layer and sample.

    Attributes:
        and_: AND effects, shape `(2**n, layers, samples)`; `and_[0]` is v(empty).
        or_: OR effects, same shape; `or_[0]` is 0 and order-1 OR effects are merged into AND.
        delta: The residual, same shape; `delta[0]` is 0.
        objective: Sum of all strengths of non-empty coalitions, shape `(layers, samples)`.
        lower_bound: Proven lower bound of the least objective, same shape.
        certified: Whether the gap between both is within the one asked for, same shape.
        layers: Layer names from input to output.
        canonical: Whether the answer is proven canonical (see `lk.decomposition.canonical`), same shape; None where not
            recorded.
        step: Global step of the checkpoint; 0 without a training.
        epoch: Epochs trained, may be a fraction.
        kappa: Bound of the residual, relative to |v(N) - v(empty)|.
        gap: Relative gap that was asked for.
        salience_ratio: Threshold of salience, relative to the strongest interaction.
        tie_break: Orders preferred among optima (see `decompose`).
        players: Names of the players; empty for patches and words.
        labels: Label of each sample; None where unknown.
        samples: Index of each sample in the test split; None where they come from no data set.
        correct: Whether the network classifies each sample correctly; None where unknown, see `presumed_correct`.
        origin: How the effects were computed.
    """

    and_: Tensor
    or_: Tensor
    delta: Tensor
    objective: Tensor
    lower_bound: Tensor
    certified: Tensor
    layers: tuple[str, ...]
    canonical: Tensor | None = None
    step: int = 0
    epoch: float = 0.0
    kappa: float = 0.04
    gap: float = 1e-3
    salience_ratio: float = SALIENCE_RATIO
    tie_break: str = "low"
    players: tuple[str, ...] = ()
    labels: Tensor | None = None
    samples: Tensor | None = None
    correct: Tensor | None = None
    origin: Origin = field(default_factory=Origin)

    def __post_init__(self) -> None:
        if self.and_.ndim != 3 or self.and_.shape != self.or_.shape or self.and_.shape[1] != len(self.layers):
            raise ValueError(
                f"expected effects of shape (2**n, layers, samples), got and_ {tuple(self.and_.shape)}, "
                f"or_ {tuple(self.or_.shape)} and {len(self.layers)} layer names."
            )
        for key in PER_SAMPLE:
            given = getattr(self, key)
            if given is not None and given.shape != self.and_.shape[2:]:
                raise ValueError(f"expected {key} of {self.n_samples} samples, got shape {tuple(given.shape)}.")

    @property
    def n_players(self) -> int:
        """Number of players."""
        return number_of_players(self.and_)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.and_.shape[2]

    @property
    def output(self) -> int:
        """Position of the network's output among the layers; of the last layer where the output was not read."""
        return self.layers.index(OUTPUT) if OUTPUT in self.layers else len(self.layers) - 1

    @property
    def names(self) -> list[str]:
        """Names of the players; their numbers where they have none."""
        return list(self.players) or [str(i) for i in range(self.n_players)]

    @property
    def indices(self) -> Tensor:
        """Index of each sample in the test split; its position where it comes from no data set."""
        return torch.arange(self.n_samples) if self.samples is None else self.samples

    @property
    def presumed_correct(self) -> Tensor:
        """Which samples the network classifies correctly, `(samples,)`; all of them where that is unknown."""
        return torch.ones(self.n_samples, dtype=torch.bool) if self.correct is None else self.correct

    @property
    def effects(self) -> Tensor:
        """Both kinds stacked, `(2, 2**n, layers, samples)`, with the empty coalition set to 0."""
        both = torch.stack([self.and_, self.or_])
        both[:, 0] = 0
        return both

    @property
    def values(self) -> Tensor:
        """V - delta, rebuilt from the effects (universal matching), shape `(2**n, layers, samples)`."""
        return inverse_harsanyi(self.and_) + inverse_or_interactions(self.or_)

    @property
    def total_effect(self) -> Tensor:
        """|v(N) - v(empty)| of every game, `(layers, samples)`: what the paper normalises by.

        Cheng et al. 2024, footnote 8.
        """
        grand = self.and_[1:].sum(0) + self.or_[1:].sum(0) + self.delta[-1]
        return grand.abs()

    def thresholds(self, ratio: float | None = None, scope: str = "per_sample") -> Tensor:
        """The threshold tau of every game, `(layers, samples)`; see `lk.interactions.thresholds`."""
        return thresholds(self.effects, self.salience_ratio if ratio is None else ratio, scope)

    def salient(self, ratio: float | None = None, scope: str = "per_sample") -> Tensor:
        """Which effects are salient, `(2, 2**n, layers, samples)` booleans.

        Args:
            ratio: Threshold relative to the strongest interaction; default `salience_ratio`.
            scope: `per_sample`, or `per_layer` for one threshold over all samples.
        """
        return salient(self.effects, self.salience_ratio if ratio is None else ratio, scope)

    def layer(self, name: str | None = None) -> int:
        """Position of a layer; default the output.

        Raises:
            ValueError: There is no such layer; names the nearest.
        """
        if name is None:
            return self.output
        if name not in self.layers:
            raise ValueError(
                f"expected a layer of these interactions, got layer={name!r}. {nearest(name, self.layers)}"
            )
        return self.layers.index(name)

    def select(self, samples: Sequence[int] | Tensor) -> "Interactions":
        """The same layers on some of the samples, by position or by a boolean for each."""
        rows = torch.as_tensor(samples)
        rows = rows.nonzero()[:, 0] if rows.dtype == torch.bool else rows.long()
        each = {key: getattr(self, key) for key in PER_SAMPLE}
        known = {key: tensor for key, tensor in each.items() if tensor is not None}
        return replace(self, **{key: tensor[..., rows] for key, tensor in {**self._tensors(), **known}.items()})

    def top(self, k: int = 10, layer: str | None = None, sample: int = 0) -> list[Effect]:
        """The strongest interactions of one game, by descending strength; effects of 0 are left out.

        Args:
            k: How many at most.
            layer: Name of the layer; default the output.
            sample: Position of the sample.
        """
        effects = self.effects[:, :, self.layer(layer), sample]
        places = effects.abs().flatten().sort(descending=True, stable=True).indices[:k]
        found = []
        for place in places.tolist():
            kind, coalition = divmod(place, len(self.and_))
            if effects[kind, coalition] != 0:
                found.append(Effect(KINDS[kind], players_of(coalition), float(effects[kind, coalition])))
        return found

    def to_frame(self) -> "pd.DataFrame":
        """A tidy table of all effects that are not 0.

        Returns:
            Columns layer, sample (index in the test split), kind (`AND`, `OR`), players (tuple of names), order,
            effect, strength and salient.
        """
        import pandas as pd

        effects, names = self.effects, self.names
        kind, coalition, layer, sample = effects.nonzero(as_tuple=True)
        coalitions = [tuple(names[i] for i in players_of(index)) for index in range(len(self.and_))]
        found = effects[kind, coalition, layer, sample]
        return pd.DataFrame(
            {
                "layer": [self.layers[i] for i in layer],
                "sample": self.indices[sample].numpy(),
                "kind": [KINDS[i] for i in kind],
                "players": [coalitions[i] for i in coalition],
                "order": orders(self.n_players)[coalition].numpy(),
                "effect": found.numpy(),
                "strength": found.abs().numpy(),
                "salient": self.salient()[kind, coalition, layer, sample].numpy(),
            }
        )

    def to_shapiq(self, layer: str | None = None, sample: int = 0) -> "InteractionValues":
        """The Harsanyi dividends of one explained game, as an object of the shapiq library."""
        place = self.layer(layer)
        return to_shapiq(self.and_[:, place, sample], self.or_[:, place, sample])

    def ranked(self, layers: Sequence[str] | None = None, sample: int = 0, k: int = 5) -> "pd.DataFrame":
        """A frame of the strongest interactions of one sample, by layer, as `lk.plots.ranked_effects` takes it.

        Args:
            layers: Names of the layers; default all.
            sample: Position of the sample.
            k: Interactions of each layer.

        Returns:
            Columns group (the layer), image (0), rank (from 0), kind, players (numbers) and effect.
        """
        import pandas as pd

        rows = [
            {"group": layer, "image": 0, "rank": rank, **effect._asdict()}
            for layer in layers or self.layers
            for rank, effect in enumerate(self.top(k, layer, sample))
        ]
        return pd.DataFrame(rows, columns=["group", "image", "rank", *Effect._fields])

    def plot(self, layers: Sequence[str] | None = None, sample: int = 0, k: int = 5, unit: str = "nats") -> "Figure":
        """The strongest interactions of one sample as ranked bars, a panel per layer.

        Args:
            layers: Names of the layers; default all.
            sample: Position of the sample.
            k: Interactions of each layer.
            unit: Unit of the score.

        Raises:
            ValueError: The sample has no interactions.
        """
        from lk.plots import ranked_effects

        rows = self.ranked(layers, sample, k)
        if rows.empty:
            raise ValueError(
                f"expected a sample with interactions, got sample={sample}, whose game is constant at every layer that "
                "is drawn. Choose another sample or layers."
            )
        return ranked_effects(rows, self.names, unit)

    def __repr__(self) -> str:
        samples = f"{self.n_samples} sample{'s' * (self.n_samples != 1)}"
        lines = [f"Interactions of {self.n_players} players, {len(self.layers)} layers, {samples}"]
        counts = self.salient().sum((0, 1)).float().mean(1)
        for layer, count in zip(self.layers, counts, strict=True):
            shown = f"; strongest of sample 0 (of {self.n_samples})" if self.n_samples > 1 else ""
            lines.append(f"  {layer}: {count:.1f} salient per sample{shown}")
            for kind, players, effect in self.top(5, layer):
                lines.append(f"    {kind:>3} {effect:+8.3f}  {{{', '.join(self.names[i] for i in players)}}}")
        return "\n".join(lines)

    def _tensors(self) -> dict[str, Tensor]:
        """All tensors of effects by name; `canonical` only where it is known."""
        known = TENSORS if self.canonical is None else (*TENSORS, CANONICAL)
        return {key: getattr(self, key) for key in known}

    def save(self, path: Path) -> None:
        """Write a safetensors file; everything but the tensors goes into its header."""
        fields = {key: getattr(self, key) for key in FIELDS}
        write_tensors(Path(path), self._tensors(), header_of(self.layers, fields, self.origin))

    @classmethod
    def load(cls, path: Path) -> "Interactions":
        """Read what `save` wrote, in this version or an earlier one.

        Raises:
            ValueError: The file is truncated or holds no interactions.
        """
        tensors, header = read_tensors(path, "holds no interactions", REMEDY)
        try:
            size, samples = tensors["and_"].shape[0], tensors["and_"].shape[-1]
            fields = read_about(header, samples)
            layers = fields["layers"]
            expect(tensors, {key: ("real", (size, len(layers), samples)) for key in ("and_", "or_", "delta")})
            expect(tensors, {key: ("real", (len(layers), samples)) for key in ("objective", "lower_bound")})
            flags = ("certified", CANONICAL) if CANONICAL in tensors else ("certified",)
            expect(tensors, {key: ("bool", (len(layers), samples)) for key in flags})
            if size & (size - 1) or not layers or len(set(layers)) < len(layers):
                raise ValueError(
                    f"expected effects of 2^n coalitions and different layers, got {size} and {list(layers)[:9]}"
                )
        except (ValueError, KeyError, IndexError) as error:
            raise damaged(path, "holds no interactions", error, REMEDY) from error
        effects: dict[str, Any] = {key: tensors[key] for key in TENSORS}
        return cls(**effects, canonical=tensors.get(CANONICAL), **fields)


def by_order(x: Tensor) -> Tensor:
    """Sum over coalitions of each order: `(2**n, ...)` to `(n + 1, ...)`.

    Example:
        >>> by_order(torch.ones(8)).tolist()
        [1.0, 3.0, 3.0, 1.0]
    """
    n = len(x).bit_length() - 1
    return torch.zeros(n + 1, *x.shape[1:], dtype=x.dtype, device=x.device).index_add_(0, orders(n).to(x.device), x)
