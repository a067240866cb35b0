"""How stable interactions are when noise is added to the input (Cheng et al., ICML 2024, Eq. 10 and App. L)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from lk.decomposition import decompose
from lk.extraction.tables import KINDS
from lk.interactions import salient
from lk.metrics.noise_share import noise_share
from lk.metrics.stability import mean_by_order, stability
from lk.paper.final_checkpoint import FinalCheckpoint, evenly
from lk.paper.stored_results import Result, stored_table, stored_tensors
from lk.transforms import harsanyi, or_interactions, orders

WAYS = ("again", "followed")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class StabilityStudy:
    """Settings of the study.

    The paper adds Gaussian noise of deviation 0.02 to the input and states neither the number of draws nor whether the
    decomposition is redone. Salient sets come from the clean sample.

    Args:
        samples: How many of the explained samples, evenly spread.
        draws: Noisy copies of each.
        sigma: Standard deviation of the noise in the unit of the input (pixels from 0 to 1).
        way: `again` decomposes every noisy game; `followed` keeps the clean game's split and residual, so that effects
            follow the values linearly.
        leans: Orders preferred among optima (see `decompose`); "high" is the control.
        seed: Decides the noise.
        seeds: How many runs of a network get the study, from the first.
        networks: Names of the networks that get it; default all.

    Raises:
        ValueError: A setting is out of range.
    """

    samples: int = 10
    draws: int = 20
    sigma: float = 0.02
    way: str = "again"
    leans: tuple[str, ...] = ("low",)
    seed: int = 0
    seeds: int = 1
    networks: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.samples < 1 or self.draws < 2 or self.sigma <= 0 or self.way not in WAYS:
            raise ValueError(
                f"expected at least 1 sample and 2 draws, sigma above 0 and way in {list(WAYS)}, got "
                f"samples={self.samples}, draws={self.draws}, sigma={self.sigma}, way={self.way!r}. Leave them out for "
                "the defaults."
            )

    @property
    def settings(self) -> dict[str, object]:
        """All that decides the result."""
        return {
            key: list(value) if key == "leans" else value
            for key, value in asdict(self).items()
            if key not in ("seeds", "networks")
        }

    def played(self, final: FinalCheckpoint) -> int:
        """How many masked samples the study passes through the network."""
        return int(min(self.samples, len(final.samples.y)) * self.draws * 2**final.n)

    def noisy(self, x: Tensor, index: int) -> Tensor:
        """Noisy copies `(draws, *input)` of one sample; the noise depends on the seed and the sample's index alone."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        return x + self.sigma * torch.randn(self.draws, *x.shape, generator=generator)

    def measure(self, final: FinalCheckpoint, done: Callable[[int], None] = lambda _: None) -> Result:
        """Stability of the salient interactions of each sample, at the intermediate layer and the output.

        Games are stored sample by sample: a stopped study resumes where it was.

        Returns:
            Columns step, layer, place, lean, kind, order, sample, stability; NaN where a sample has no salient
            interaction of an order.

        Raises:
            ValueError: Inputs are no real numbers (token ids): there is nothing that noise could be added to.
        """
        if not final.samples.x.is_floating_point():
            raise ValueError(
                f"expected real inputs to add noise to, got {final.samples.x.dtype} (token ids). Leave the stability "
                "study out for text."
            )

        def compute() -> Result:
            games = {place: self.games(final, place, done) for place in self.places(final)}
            frame = pd.concat(self.rows(final, games), ignore_index=True)
            return Result(frame, {"play": sum(played["seconds"].item() for played in games.values())})

        return stored_table(final, "stability", self.settings, compute)

    def places(self, final: FinalCheckpoint) -> list[int]:
        """Positions of the samples that get noise."""
        return evenly(len(final.samples.y), self.samples)

    def rows(self, final: FinalCheckpoint, games: Mapping[int, Mapping[str, Tensor]]) -> list[pd.DataFrame]:
        """The table of each sample, from its games."""
        found, parts = final.interactions, []
        for place, played in games.items():
            values = played["values"]
            for where, (name, layer) in enumerate(final.places.items()):
                for lean in self.leans:
                    clean = self.clean(final, layer, place, lean)
                    chosen = salient(clean, found.salience_ratio)
                    effects = self.effects(final, values[:, where], layer, place, lean, clean)
                    for k, kind in enumerate(KINDS):
                        mean = mean_by_order(stability(effects[k]), chosen[k])
                        parts.append(
                            pd.DataFrame({"order": range(found.n_players + 1), "stability": mean.numpy()}).assign(
                                step=final.step,
                                layer=found.layers[layer],
                                place=name,
                                lean=lean,
                                kind=kind,
                                sample=int(final.samples.index[place]),
                            )[1:]
                        )
        return parts

    def games(self, final: FinalCheckpoint, place: int, done: Callable[[int], None]) -> dict[str, Tensor]:
        """`values` of a sample's noisy games, `(2**n, 2, draws)`, stored or played now, and the `seconds` taken."""
        samples, index = final.samples, int(final.samples.index[place])
        noise = {"sigma": self.sigma, "draws": self.draws, "seed": self.seed}
        name = f"stability/sigma={self.sigma:g}-draws={self.draws}-seed={self.seed}/sample={index:07d}.safetensors"

        def compute() -> dict[str, Tensor]:
            start = time.perf_counter()
            layers = list(final.interactions.layers[:-1])
            noisy = replace(samples.select([place] * self.draws), x=self.noisy(samples.x[place], index))
            middle = [final.middle] if layers else []
            values, _ = final.extraction.play(final.network, final.probes, middle, noisy, done)
            return {"values": values, "seconds": torch.tensor(time.perf_counter() - start)}

        return stored_tensors(final, name, {**noise, "sample": index}, compute)

    def clean(self, final: FinalCheckpoint, layer: int, place: int, lean: str) -> Tensor:
        """Effects of the clean game, `(2, 2**n)`.

        What is salient, and what is followed, is of the same lean as the noisy games.
        """
        if lean == "low":
            return final.interactions.effects[:, :, layer, place].double()
        found = decompose(final.values[:, layer, place], final.extraction.kappa, final.extraction.gap, tie_break=lean)
        effects = torch.stack([found.and_, found.or_]).double()
        effects[:, 0] = 0
        return effects

    def effects(
        self, final: FinalCheckpoint, values: Tensor, layer: int, place: int, lean: str, clean: Tensor
    ) -> Tensor:
        """Effects of the noisy games of one layer, `(2, 2**n, draws)`."""
        if self.way == "again":
            found = decompose(values, final.extraction.kappa, final.extraction.gap, tie_break=lean)
            return torch.stack([found.and_, found.or_])
        change = (values.double() - final.values[:, layer, place, None].double()) / 2
        and_, or_ = harsanyi(change), or_interactions(change)
        single = orders(final.n) == 1
        and_[single] += or_[single]
        or_[single] = 0
        return clean[..., None] + torch.stack([and_, or_])

    def shares(self, final: FinalCheckpoint) -> pd.DataFrame:
        """The control: how large the noise on a coalition is beside the coalition itself, by order (App. L).

        Returns:
            Columns order, n, and the quantiles q05, q25, q50, q75, q95 over samples, draws and coalitions.
        """
        samples, order, parts = final.samples, orders(final.n), []
        for place in self.places(final):
            x = samples.x[[place]]
            noisy = self.noisy(samples.x[place], int(samples.index[place]))[:, None]
            parts.append(noise_share(x, noisy, samples.owner[[place]]).flatten(1))
        share = torch.cat(parts, 1)
        rows = []
        for m in range(1, final.n + 1):
            known = share[order == m].flatten().numpy()
            known = known[np.isfinite(known)]
            if len(known):
                quantiles = {f"q{round(100 * q):02d}": float(np.quantile(known, q)) for q in QUANTILES}
                rows.append({"order": m, **quantiles, "n": len(known)})
        return pd.DataFrame(rows)
