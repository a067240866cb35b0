"""What a game is played for: a scalar per masked sample, from the logits of a layer."""

from collections.abc import Callable

import torch
from torch import Tensor

from lk.storage.describe import Recorded


def log_odds(logits: Tensor, target: Tensor) -> Tensor:
    """Log-odds of a class, `z_y - logsumexp(z_j for j != y)`, stable for any size of the logits.

    Source: Cheng et al., ICML 2024, footnote 3: v(x_T) = log(p / (1 - p)).

    Args:
        logits: Shape `(batch, classes)`; a single column is the logit of class 1 of a binary classifier.
        target: Class of each row, shape `(batch,)`.

    Returns:
        Log-odds in nats, shape `(batch,)`.

    Example:
        >>> log_odds(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
        tensor([2.])
    """
    if logits.shape[1] == 1:
        return torch.where(target == 1, logits[:, 0], -logits[:, 0])
    chosen = logits.gather(1, target[:, None])
    others = logits.scatter(1, target[:, None], -torch.inf)
    return chosen[:, 0] - others.logsumexp(1)


def predicted(logits: Tensor) -> Tensor:
    """The most probable class of each row, shape `(batch,)`; a single column is the logit of class 1.

    Example:
        >>> predicted(torch.tensor([[2.0], [-1.0]]))
        tensor([1, 0])
    """
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)


def class_numbers(labels: Tensor) -> Tensor:
    """Labels of any number type as int64, shape `(samples,)`.

    Raises:
        ValueError: They are no whole numbers, or not one per sample.

    Example:
        >>> class_numbers(torch.tensor([1.0, 0.0]))
        tensor([1, 0])
    """
    if labels.ndim != 1:
        raise ValueError(
            f"expected one class number per sample, got labels of shape {tuple(labels.shape)}. Use argmax(1) of "
            "one-hot labels."
        )
    numbers = labels.long()
    if not torch.equal(numbers.to(labels), labels):
        raise ValueError(
            f"expected whole class numbers, got the label {float(labels[numbers.to(labels) != labels][0]):g}. Number "
            "the classes from 0."
        )
    return numbers


def check_labels(labels: Tensor, classes: int) -> None:
    """Refuse labels that are not 0 to classes - 1; names the first wrong one."""
    wrong = torch.nonzero((labels < 0) | (labels >= classes)).flatten()
    if len(wrong):
        place = int(wrong[0])
        raise ValueError(
            f"expected labels from 0 to {classes - 1}, got label {int(labels[place])} at place {place} of "
            f"{len(labels)}. Number the classes from 0."
        )


class Score(metaclass=Recorded):
    """Base of all scores. `choose` picks a class per sample once, `__call__` scores every masked sample.

    Attributes:
        reads: `logits` scores the layer's probe (and the network's output); `activation` scores the raw activation.
    """

    reads = "logits"

    def choose(self, logits: Tensor, label: Tensor) -> Tensor:
        """The class `(samples,)` to score each sample for, from logits of unmasked samples and the labels."""
        return label

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """Scores `(batch,)` from logits `(batch, classes)` and the chosen classes `(batch,)`."""
        return log_odds(logits, target)

    def at_output(self, logits: Tensor, target: Tensor) -> Tensor:
        """Scores `(batch,)` of the network's own logits.

        The same as of a layer, unless a score of activations says otherwise.
        """
        return self(logits, target)


class TrueClass(Score):
    """Log-odds of the sample's label: the score of the paper."""


class PredictedClass(Score):
    """Log-odds of the class that the network predicts on the unmasked sample."""

    def choose(self, logits: Tensor, label: Tensor) -> Tensor:
        """The predicted class."""
        return predicted(logits)


class NamedClass(Score):
    """Log-odds of one class for all samples.

    Args:
        label: The class, from 0.
    """

    def __init__(self, label: int) -> None:
        self.label = label

    def choose(self, logits: Tensor, label: Tensor) -> Tensor:
        """The named class for every sample."""
        classes = max(logits.shape[1], 2)
        if not 0 <= self.label < classes:
            raise ValueError(
                f"expected label from 0 to {classes - 1}, as the network has {classes} classes, got "
                f"label={self.label}. Name one of them."
            )
        return torch.full_like(label, self.label)


class Logit(Score):
    """The label's logit itself; of a single column z, the logit is z for class 1 and -z for class 0."""

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """One logit per row."""
        if logits.shape[1] == 1:
            return log_odds(logits, target)
        return logits.gather(1, target[:, None])[:, 0]


class OfActivation(Score):
    """Any function of a layer's raw activation; no probe is used.

    Args:
        function: `(activation (batch, ...), target (batch,)) -> (batch,)`. At the output the activation is the logits.
    """

    reads = "activation"

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.function = function

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """The function's value."""
        return self.function(logits, target)


class Unit(Score):
    """One unit of a layer: its raw activation, without a probe.

    Of a map, the unit is a channel and its mean over space; of tokens, a feature and its mean over tokens. Units are
    those of the layers that are read; at the output the score is the log-odds of the label, so that every layer's table
    says what the unit shares with the answer.

    Args:
        index: The unit, from 0.

    Raises:
        ValueError: The index is negative, or a layer that is read has fewer units.

    Example:
        >>> Unit(1)(torch.tensor([[1.0, 5.0, 2.0]]), torch.tensor([0]))
        tensor([5.])
    """

    reads = "activation"

    def __init__(self, index: int) -> None:
        if index < 0:
            raise ValueError(f"expected index of a unit from 0, got index={index}. Count units from 0.")
        self.index = index

    def choose(self, logits: Tensor, label: Tensor) -> Tensor:
        """The label, which the output is scored for."""
        check_labels(label, max(logits.shape[1], 2))
        return label

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """The unit's activation `(batch,)`.

        Activations are `(batch, units)`, `(batch, channels, ...)` or `(batch, tokens, features)`.
        """
        units = logits.movedim(-1, 1) if logits.ndim == 3 else logits
        if self.index >= units.shape[1]:
            raise ValueError(
                f"expected index from 0 to {units.shape[1] - 1} in activations of shape {tuple(logits.shape[1:])}, got "
                f"index={self.index}. Set `layers` to those that have it."
            )
        return units[:, self.index].flatten(1).mean(1) if units.ndim > 2 else units[:, self.index]

    def at_output(self, logits: Tensor, target: Tensor) -> Tensor:
        """Log-odds of the label."""
        return log_odds(logits, target)
