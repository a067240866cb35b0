"""Controls: what a layer seems to know when there is nothing to know, and what another choice among optima would show.

A finding about layers says something about the network only if it is absent, or weaker, where the classifier was fitted
on random labels or the network was never trained; if it does not depend on which training samples the classifier saw,
nor on how it was fitted; and if it survives the preference for high orders among equally sparse decompositions.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lk.extraction.probing import evaluate, fit_probes
from lk.games import OUTPUT
from lk.interactions import Interactions, Origin, interactions_of
from lk.interactions.origin import FIELDS
from lk.layers import frozen
from lk.paper.final_checkpoint import FinalCheckpoint, evenly
from lk.paper.stored_results import same
from lk.probes import PaperSGD, Probes, Recipe
from lk.runs import step_name
from lk.storage.describe import describe
from lk.storage.trust import rebuilt

LEAN = "opposite lean"
PROBES = ("random labels", "untrained network", "another draw", "published probes")
SAME_NETWORK = tuple(
    name for name in PROBES if name != "untrained network"
)  # they leave the output, which has no probe, as it is
CONTROLS = (*PROBES, LEAN)


class RandomLabels(Recipe):
    """Fits the same classifiers on shuffled labels (after Hewitt and Liang 2019).

    What they then hold is their own capacity.

    Args:
        recipe: How to fit.
        seed: Decides the shuffle.
    """

    def __init__(self, recipe: Recipe, seed: int = 0) -> None:
        super().__init__(recipe.pooling, recipe.max_samples, seed)
        self.recipe = recipe

    def fit(
        self, network: nn.Module, layers: Sequence[str], batches: Iterable[tuple[Tensor, Tensor]], num_classes: int
    ) -> Probes:
        """Labels are shuffled over all samples, not within batches: a folder of images is stored class by class."""
        return self.recipe.fit(network, layers, Shuffled(batches, self.seed), num_classes)


class Shuffled:
    """Batches with their labels shuffled over all samples."""

    def __init__(self, batches: Iterable[tuple[Tensor, Tensor]], seed: int) -> None:
        self.batches = batches
        labels = torch.cat([y for _, y in batches])
        self.labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        start = 0
        for x, y in self.batches:
            yield x, self.labels[start : start + len(y)]
            start += len(y)


@dataclass(frozen=True)
class Controls:
    """Settings of the study.

    Args:
        names: Which controls, among `CONTROLS`.
        samples: How many samples the controls of the probes get, evenly spread.
        leaning: How many samples the opposite lean gets; default all.
        seed: Decides random labels, and is added to the recipe's for another draw of training samples.
        networks: Names of the networks that get them; default all.

    Raises:
        ValueError: A control is unknown.
    """

    names: tuple[str, ...] = CONTROLS
    samples: int = 20
    leaning: int | None = None
    seed: int = 1
    networks: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in CONTROLS]
        if unknown or self.samples < 2:
            raise ValueError(
                f"expected names among {', '.join(CONTROLS)} and at least 2 samples, got names={list(self.names)}, "
                f"samples={self.samples}. Leave them out for the defaults."
            )

    def places(self, final: FinalCheckpoint, name: str) -> list[int]:
        """Positions of the samples that a control is read on."""
        total = len(final.samples.y)
        return evenly(total, (self.leaning or total) if name == LEAN else self.samples)

    def interactions(
        self,
        final: FinalCheckpoint,
        name: str,
        published: PaperSGD | None = None,
        done: Callable[[int], None] = lambda _: None,
    ) -> Interactions:
        """Interactions of every layer under one control, on `places`; read where they are stored.

        The untrained network is the run's first checkpoint.

        Args:
            final: The checkpoint.
            name: The control.
            published: Recipe of "published probes"; default `PaperSGD` on the features that the checkpoint's own probes
                read.
            done: Called with the number of masked samples after each forward pass.
        """
        own = final.extraction.probes
        published = published or PaperSGD(pooling=own.pooling, max_samples=own.max_samples, seed=own.seed)
        key: dict[str, float] = {"samples": self.samples, "seed": self.seed}
        if name == LEAN:
            key = {"samples": self.leaning} if self.leaning else {}
        elif name == "published probes":
            key |= {"lr": published.lr, "batch": published.batch_size, "epochs": published.epochs}
        label = "-".join([name.replace(" ", "-"), *(f"{k}={v}" for k, v in key.items())])
        path = final.run.extraction(final.extraction.name) / step_name(final.step) / "controls" / f"{label}.safetensors"
        settings = {**key, **final.identity}
        if name == "published probes":
            settings["published"] = describe(published)
        if name == "untrained network":
            settings["untrained"] = min(final.run.checkpoints)
        if path.is_file():
            stored = Interactions.load(path)
            # Files without settings are older than these; their names say what decides them.
            if same(stored.origin.settings or {**settings, "made_from": None}, settings):
                return stored
        start = time.perf_counter()
        found = (
            self.opposite(final, self.places(final, name))
            if name == LEAN
            else self.played(final, name, published, done)
        )
        seconds = {**found.origin.seconds, "all": time.perf_counter() - start}
        found = replace(found, origin=replace(found.origin, seconds=seconds, settings=settings))
        found.save(path)
        return found

    def opposite(self, final: FinalCheckpoint, places: list[int]) -> Interactions:
        """The games of some samples decomposed with high orders preferred."""
        own = final.interactions.select(places)
        found = interactions_of(final.values[:, :, places], own.layers, own.kappa, own.gap, tie_break="high")
        same_games = {key: getattr(own, key) for key in FIELDS if key not in ("kappa", "gap", "tie_break")}
        return replace(found, **same_games, origin=replace(own.origin, seconds={}))

    def played(
        self, final: FinalCheckpoint, name: str, published: PaperSGD, done: Callable[[int], None]
    ) -> Interactions:
        """Games of the controlled probes or network."""
        extraction, network, layers = final.extraction, final.network, list(final.interactions.layers[:-1])
        recipe: Recipe = extraction.probes
        step = final.step
        from pytorch_lightning.utilities.seed import isolate_rng  # Lightning takes seconds to import

        with isolate_rng():
            if name == "untrained network":
                step = min(final.run.checkpoints)
                network = frozen(network)
                final.run.load(network, step)
            elif name == "another draw":
                # At most half of the training samples: all of them would be the same draw again.
                most = min(recipe.max_samples, len(final.data.labels(final.data.train)) // 2)
                recipe = rebuilt(recipe, seed=recipe.seed + self.seed, max_samples=most)
            elif name == "published probes":
                recipe = published
            else:
                recipe = RandomLabels(recipe, self.seed)
            probes = fit_probes(recipe, network, layers, final.data).to(next(network.parameters()).device)
            table = evaluate(network, probes, final.data, step, 0.0)
            few = final.samples.select(self.places(final, name))
            start = time.perf_counter()
            values, _ = extraction.play(network, probes, layers, few, done)
            seconds = {"play": time.perf_counter() - start}
        origin = Origin(
            control=name,
            recipe=describe(recipe),
            seconds=seconds,
            accuracy={str(layer): float(hit) for layer, hit in zip(table["layer"], table["accuracy"], strict=True)},
        )
        return interactions_of(
            values,
            [*layers, OUTPUT],
            extraction.kappa,
            extraction.gap,
            step=step,
            samples=few.index,
            labels=few.y,
            salience_ratio=extraction.salience_ratio,
            origin=origin,
        )
