"""Interactions of training and of test samples, compared by class means."""

import numpy as np
import torch
from torch import Tensor

from lk.games import OUTPUT
from lk.metrics.intervals import Array, jackknife
from lk.metrics.jaccard import signed_jaccard
from lk.studies.dynamics import Configuration
from lk.studies.run_facts import high_orders, low_orders


def class_mean_jaccard(training: Tensor, test: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Signed Jaccard similarity of the class means of training and test samples, by order.

    Source: project page of arXiv 2405.10262 and 2407.19198, Fig. 5. Player i must be the same part of the input in
    every sample.

    Args:
        training: AND and OR effects of training samples, `(2, 2**n, samples)`.
        test: Those of as many test samples with the same labels.
        labels: Label of each sample.
        weights: Weight of each sample in its class; default equal.

    Returns:
        Mean over classes and both kinds for each order, `(n + 1,)`; NaN where no class has an effect of the order.

    Example:
        >>> effects = torch.zeros(2, 4, 2)
        >>> effects[0, 1] = 1.0
        >>> class_mean_jaccard(effects, 2 * effects, torch.tensor([0, 0])).tolist()
        [nan, 0.5, nan]
    """
    share = torch.ones(len(labels), dtype=torch.float64) if weights is None else weights.double()
    found = []
    for label in labels.unique():
        own = share * (labels == label)
        if own.sum() > 0:
            means = [(effects.double() * own).sum(2) / own.sum() for effects in (training, test)]
            found += [signed_jaccard(means[0][kind], means[1][kind]) for kind in range(2)]
    return torch.stack(found).nanmean(0)


def jaccard_rows(configuration: Configuration, run: int, step: int) -> dict[str, Array]:
    """Signed Jaccard of class means by order, `(rows, n + 1)`: training against test samples, and halves of each.

    A row leaves out one training and one test sample of the same class. `halves of training` compares one half of a
    class's training samples with the other, `half of training, half of test` the same first half with the second half
    of the test samples: as many samples, so that both are as noisy.
    """
    own = configuration.trajectories[run]
    test = own.effects[own.steps.index(step), :, :, own.layers.index(OUTPUT)]
    train, labels = configuration.training[run][step], own.labels
    weights = torch.from_numpy(jackknife(len(labels)))
    place = torch.zeros(len(labels), dtype=torch.long)
    for label in labels.unique():
        place[labels == label] = torch.arange(int((labels == label).sum()))
    first, second = halves(train, labels, place)
    other = halves(test, labels, place)[1]
    small = labels.unique()
    return {
        "training, test": np.stack([class_mean_jaccard(train, test, labels, row).numpy() for row in weights]),
        "halves of training": class_mean_jaccard(first, second, small).numpy()[None],
        "half of training, half of test": class_mean_jaccard(first, other, small).numpy()[None],
    }


def halves(effects: Tensor, labels: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """Mean effects of the first and of the second half of each class, of equal size: `(2, 2**n, classes)` each."""
    parts: list[list[Tensor]] = [[], []]
    for label in labels.unique():
        size = int((labels == label).sum()) // 2
        for side, part in enumerate(parts):
            chosen = (labels == label) & (place >= side * size) & (place < (side + 1) * size)
            part.append(effects[..., chosen].mean(-1))
    return torch.stack(parts[0], -1), torch.stack(parts[1], -1)


def low_orders_agree(configuration: Configuration) -> list[Array]:
    """Similarity of training and test class means, low orders minus high ones, at the last step that has both."""
    found = []
    for run, training in enumerate(configuration.training):
        rows = jaccard_rows(configuration, run, max(training))["training, test"]
        n = configuration.trajectories[run].n
        found.append(np.nanmean(rows[:, low_orders(n)], 1) - np.nanmean(rows[:, high_orders(n)], 1))
    return found
