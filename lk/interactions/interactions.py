"""The container of extracted interactions: effects of every coalition, layer and sample, with all that is needed to read them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lk.decomposition.decompose import decompose
from lk.storage.stored import damaged, expect, parse_json, plain_number, read_header, read_tensors, texts, write_tensors
from lk.transforms import orders

TENSORS = ("and_", "or_", "delta", "objective", "lower_bound", "certified")
CANONICAL = "canonical"  # a tensor that older files lack
REMEDY = "Delete it and extract again: analyze.py extract RUN."


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
        layers: Layer names from input to output; the last is `output`.
        about: Metadata: step, epoch, kappa, players, labels, sample indices, versions.
        canonical: Whether the answer is proven to be the canonical one (see `lk.decomposition.canonical`), same shape; None in files written
            before this was stored.
    """

    and_: Tensor
    or_: Tensor
    delta: Tensor
    objective: Tensor
    lower_bound: Tensor
    certified: Tensor
    layers: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)
    canonical: Tensor | None = None

    def __post_init__(self) -> None:
        if self.and_.ndim != 3 or self.and_.shape != self.or_.shape or self.and_.shape[1] != len(self.layers):
            raise ValueError(
                f"Given and_ {tuple(self.and_.shape)}, or_ {tuple(self.or_.shape)} and {len(self.layers)} layer names; "
                "expected both of shape (2**n, layers, samples)."
            )

    @property
    def n(self) -> int:
        """Number of players."""
        return len(self.and_).bit_length() - 1

    @property
    def effects(self) -> Tensor:
        """Both kinds stacked, `(2, 2**n, layers, samples)`, with the empty coalition set to 0."""
        both = torch.stack([self.and_, self.or_])
        both[:, 0] = 0
        return both

    @property
    def values(self) -> Tensor:
        """V - delta, rebuilt from the effects (universal matching), shape `(2**n, layers, samples)`."""
        from lk.transforms import inverse_harsanyi, inverse_or_interactions

        return inverse_harsanyi(self.and_) + inverse_or_interactions(self.or_)

    @property
    def reach(self) -> Tensor:
        """|v(N) - v(empty)| of every game, `(layers, samples)`: the denominator of the paper's normalisation (footnote 8)."""
        grand = self.and_[1:].sum(0) + self.or_[1:].sum(0) + self.delta[-1]
        return grand.abs()

    def layer(self, name: str) -> int:
        """Position of a layer."""
        if name not in self.layers:
            from lk.layers import nearest

            raise ValueError(f"These interactions have no layer {name!r}. {nearest(name, self.layers)}")
        return self.layers.index(name)

    def select(self, samples: Sequence[int] | Tensor) -> "Interactions":
        """The same layers on some of the samples, by position."""
        rows = torch.as_tensor(samples)
        rows = rows.nonzero()[:, 0] if rows.dtype == torch.bool else rows.long()
        tensors = {key: tensor[..., rows] for key, tensor in self._tensors().items()}
        about = {
            key: [value[int(i)] for i in rows] if key in ("labels", "samples", "correct") and value else value
            for key, value in self.about.items()
        }
        return Interactions(**tensors, layers=self.layers, about=about)

    def strongest(
        self, layer: str = "output", sample: int = 0, count: int = 10
    ) -> list[tuple[str, tuple[int, ...], float]]:
        """The strongest interactions of one layer and sample: kind, players, effect, by descending strength."""
        effects = self.effects[:, :, self.layer(layer), sample]
        top = effects.abs().flatten().sort(descending=True, stable=True).indices[:count]
        size = len(self.and_)
        found = []
        for place in top.tolist():
            kind, coalition = divmod(place, size)
            if effects[kind, coalition] != 0:
                found.append(
                    (
                        ("AND", "OR")[kind],
                        tuple(i for i in range(self.n) if coalition >> i & 1),
                        float(effects[kind, coalition]),
                    )
                )
        return found

    def __repr__(self) -> str:
        samples = self.and_.shape[2]
        lines = [f"Interactions of {self.n} players, {len(self.layers)} layers, {samples} sample{'s' * (samples != 1)}"]
        names = self.about.get("players") or [str(i) for i in range(self.n)]
        for layer in self.layers:
            place = self.layers.index(layer)
            threshold = self.about.get("salience_ratio", 0.05) * self.effects[:, :, place].abs().amax((0, 1))
            salient = (self.effects[:, :, place].abs() > threshold).sum((0, 1)).float().mean()
            lines.append(
                f"  {layer}: {salient:.1f} salient per sample"
                + (f"; strongest of sample 0 (of {samples})" if samples > 1 else "")
            )
            for kind, players, effect in self.strongest(layer, 0, 5):
                lines.append(f"    {kind:>3} {effect:+8.3f}  {{{', '.join(names[i] for i in players)}}}")
        return "\n".join(lines)

    def _tensors(self) -> dict[str, Tensor]:
        """All tensors by name; `canonical` only where it is known."""
        known = TENSORS if self.canonical is None else (*TENSORS, CANONICAL)
        return {key: getattr(self, key) for key in known}

    def save(self, path: Path) -> None:
        """Write a safetensors file with the metadata in its header (to a temporary name first)."""
        write_tensors(Path(path), self._tensors(), {"layers": json.dumps(self.layers), "about": json.dumps(self.about)})

    @classmethod
    def load(cls, path: Path) -> "Interactions":
        """Read what `save` wrote.

        Raises:
            ValueError: The file is truncated or holds no interactions.
        """
        tensors, header = read_tensors(path, "holds no interactions", REMEDY)
        try:
            layers, about = texts(parse_json(header["layers"]), "layers"), parse_json(header["about"])
            shape = tuple(tensors["and_"].shape)
            expect(tensors, {key: ("real", (shape[0], len(layers), shape[-1])) for key in ("and_", "or_", "delta")})
            expect(tensors, {key: ("real", (len(layers), shape[-1])) for key in ("objective", "lower_bound")})
            flags = ("certified", CANONICAL) if CANONICAL in tensors else ("certified",)
            expect(tensors, {key: ("bool", (len(layers), shape[-1])) for key in flags})
            if shape[0] & (shape[0] - 1) or not layers or len(set(layers)) < len(layers):
                raise ValueError(
                    f"expected effects of 2^n coalitions and different layers, got {shape[0]} and {list(layers)[:9]}"
                )
            check_about(about, shape[-1])
        except (ValueError, KeyError, IndexError) as error:
            raise damaged(path, "holds no interactions", error, REMEDY) from error
        return cls(
            **{key: tensors[key] for key in TENSORS}, layers=layers, about=about, canonical=tensors.get(CANONICAL)
        )

    @staticmethod
    def about_of(path: Path) -> dict[str, Any]:
        """The metadata of a file that `save` wrote, without its tensors.

        Raises:
            ValueError: The file is truncated or holds no interactions.
        """
        try:
            about = parse_json(read_header(path, "holds no interactions", REMEDY)["about"])
            check_about(about, None)
        except (ValueError, KeyError) as error:
            raise damaged(path, "holds no interactions", error, REMEDY) from error
        return about  # type: ignore[no-any-return]


ABOUT: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("step", "epoch", "kappa", "gap", "salience_ratio"), plain_number),
    **dict.fromkeys(("players", "labels", "samples", "correct"), lambda value: isinstance(value, list)),
    "seconds": lambda value: isinstance(value, dict) and all(map(plain_number, value.values())),
    "versions": lambda value: isinstance(value, dict) and all(isinstance(number, str) for number in value.values()),
}


def check_about(about: object, samples: int | None) -> None:
    """Check the metadata that readers rely on.

    Raises:
        ValueError: An entry is of another kind, or has no entry for each sample (where their number is given).
    """
    if not isinstance(about, dict):
        raise ValueError(f"expected metadata by name, got {type(about).__name__}")
    wrong = [key for key, right in ABOUT.items() if about.get(key) is not None and not right(about[key])]
    wrong += [
        key
        for key in ("labels", "samples", "correct")
        if isinstance(about.get(key), list) and samples is not None and len(about[key]) not in (0, samples)
    ]
    if wrong:
        raise ValueError(f"the entry {wrong[0]!r} of its metadata is of another kind or length than expected")


def interactions_of(
    values: Tensor, layers: Sequence[str], kappa: float = 0.04, gap: float = 1e-3, tie_break: str = "low", **about: Any
) -> Interactions:
    """Decompose values `(2**n, layers, samples)` into a container.

    Args:
        values: Values of every coalition, layer and sample.
        layers: Layer names.
        kappa: Bound of the residual, relative to |v(N) - v(empty)|.
        gap: Relative gap to prove.
        tie_break: Orders preferred among optima (see `decompose`); "high" is the control for findings about orders.
        **about: Metadata to keep.

    Example:
        >>> v = torch.tensor([0.0, 0.0, 0.0, 2.0]).reshape(4, 1, 1)
        >>> interactions_of(v, ["output"], kappa=0).strongest()
        [('AND', (0, 1), 2.0)]
    """
    found = decompose(values, kappa=kappa, gap=gap, tie_break=tie_break)
    return Interactions(
        found.and_.float() if values.dtype == torch.float32 else found.and_,
        found.or_.float() if values.dtype == torch.float32 else found.or_,
        found.delta.float() if values.dtype == torch.float32 else found.delta,
        found.objective,
        found.lower_bound,
        torch.as_tensor(found.certified),
        tuple(layers),
        {"kappa": kappa, "gap": gap, "lean": tie_break, **about},
        torch.as_tensor(found.canonical),
    )


def by_order(x: Tensor) -> Tensor:
    """Sum over coalitions of each order: `(2**n, ...)` to `(n + 1, ...)`.

    Example:
        >>> by_order(torch.ones(8)).tolist()
        [1.0, 3.0, 3.0, 1.0]
    """
    n = len(x).bit_length() - 1
    return torch.zeros(n + 1, *x.shape[1:], dtype=x.dtype, device=x.device).index_add_(0, orders(n).to(x.device), x)
