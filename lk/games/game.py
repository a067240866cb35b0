"""Play a game: mask every sample in all 2^n ways, pass it through the network once, score every layer."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lk.games.players import BACKGROUND
from lk.layers import OUTPUT, NonFiniteError, check_finite, device_of, find_layers, read_layers, takes_channels_last
from lk.probes import Probes
from lk.scores import Score, check_labels, class_numbers

BACKGROUNDS = {"original": (1.0,), "baseline": (0.0,), "integrated": tuple(i / 10 for i in range(1, 11))}


def count_players(owner: Tensor) -> int:
    """Number of players of a division."""
    return int(owner.max()) + 1


def present(n: int) -> Tensor:
    """Which players each coalition holds: `(2**n, n + 1)` booleans; the last column is the background, always present.

    Example:
        >>> present(2).int()
        tensor([[0, 0, 1],
                [1, 0, 1],
                [0, 1, 1],
                [1, 1, 1]], dtype=torch.int32)
    """
    coalitions = torch.arange(2**n)[:, None]
    return torch.cat([(coalitions >> torch.arange(n)) & 1 == 1, torch.ones(2**n, 1, dtype=torch.bool)], 1)


def mask(x: Tensor, filler: Tensor, owner: Tensor, table: Tensor) -> Tensor:
    """Masked samples of one sample, a row for each row of `table`.

    Args:
        x: One sample, shape `input`.
        filler: What fills absent players, shape `input`.
        owner: Owner of each entry, broadcastable over `input`.
        table: Rows of `present(n)`, shape `(rows, n + 1)`.

    Returns:
        Shape `(rows, *input)`.
    """
    # Background (-1) picks the last column.
    keep = table[:, owner.flatten()].view(len(table), *owner.shape)
    return torch.where(keep, x, filler)


def score_layers(score: Score, layers: Sequence[Tensor], target: Tensor) -> Tensor:
    """Scores of several layers' logits or activations, the output last, `(batch, layers)` in float32 on the CPU."""
    if score.reads == "logits" and len({logits.shape for logits in layers}) == 1:
        # One call for all layers: a score is a handful of small operations, and they add up.
        return score(torch.cat(list(layers)), target.repeat(len(layers))).view(len(layers), -1).T.float().cpu()
    *inner, output = layers
    return torch.stack([*(score(layer, target) for layer in inner), score.at_output(output, target)], 1).float().cpu()


def check_layers(network: nn.Module, layers: Sequence[str]) -> list[str]:
    """The layers to read, checked against the network.

    Raises:
        ValueError: A layer is unknown, named twice, or named like the output.
    """
    names = list(find_layers(network, layers))
    if len(names) != len(layers) or OUTPUT in names:
        repeated = sorted({layer for layer in layers if list(layers).count(layer) > 1 or layer == OUTPUT})
        raise ValueError(
            f"expected each layer once and without {OUTPUT!r}, which is always read, got layers={list(layers)}. Leave "
            f"out {repeated}."
        )
    return names


@torch.inference_mode()
def play(
    network: nn.Module,
    probes: Probes | None,
    layers: Sequence[str],
    x: Tensor,
    y: Tensor,
    owner: Tensor,
    filler: Tensor,
    score: Score,
    background: str = "original",
    batch_size: int = 64,
    samples: Tensor | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> tuple[Tensor, Tensor]:
    """Values of every coalition for every layer and the output, one forward pass per masked sample.

    v(S) is the score of the sample whose players outside S are filled (Cheng et al. 2024, Sect. 3.1).

    Args:
        network: The network in evaluation mode, on its device.
        probes: Classifiers of `layers`; `None` where the score reads raw activations.
        layers: Layers to read.
        x: Samples `(samples, *input)`.
        y: Labels `(samples,)`.
        owner: Owner of each entry, `(samples, *input)` with a channel axis of 1 for images.
        filler: What fills absent players, `(samples, *input)`.
        score: What the game is played for.
        background: `original` keeps what nobody owns, `baseline` fills it, `integrated` averages the score over ten
            intensities between both.
        batch_size: Masked samples per forward pass.
        samples: Index of each sample, for messages.
        done: Called with the number of masked samples after each forward pass.

    Returns:
        Values `(2**n, layers + 1, samples)` in float32, the output last, and the network's logits `(samples, classes)`
        on the unmasked samples.

    Raises:
        NonFiniteError: A layer has NaN or infinite activations; names the layer and the sample.
        ValueError: The background is unknown or does not fit the inputs, a layer has no probe, or a label is no class
            of the network or of the samples that the probes were fitted on.
    """
    unread = [layer for layer in layers if probes is None or layer not in probes.layers]
    if score.reads == "logits" and unread:
        raise ValueError(
            f"expected a probe of every layer for {type(score).__name__}, got none of: {', '.join(unread)}. Fit probes "
            "of these layers, or choose a score of the raw activation (OfActivation)."
        )
    if background not in BACKGROUNDS:
        raise ValueError(
            f"expected background in {list(BACKGROUNDS)}, got background={background!r}. Choose one of these."
        )
    if background != "original" and not x.is_floating_point():
        raise ValueError(
            "expected background='original' for token numbers, which have nothing between them, got "
            f"background={background!r}. Leave it out."
        )
    device = device_of(network)
    n, names = count_players(owner), [*layers, OUTPUT]
    samples = torch.arange(len(x)) if samples is None else samples
    # Outside inference mode, where it shows which layers are overwritten in place.
    with torch.inference_mode(False), torch.no_grad(), read_layers(network, layers):
        logits = network(x.to(device))
    check_finite({OUTPUT: logits}, samples.to(device))
    target = score.choose(logits, class_numbers(y).to(device))
    if score.reads == "logits":
        check_labels(target, max(logits.shape[1], 2))
        if probes is not None:
            probes.check_seen(target)
    table = present(n).to(device)
    levels = BACKGROUNDS[background]
    values = torch.zeros(2**n, len(names), len(x))
    images_last = x.ndim == 4 and takes_channels_last(network)
    for b in range(len(x)):
        inside, gap, owned = x[b].to(device), filler[b].to(device), owner[b].to(device)
        for level in levels:
            shown = inside if level == 1 else torch.where(owned == BACKGROUND, gap + level * (inside - gap), inside)
            for start in range(0, 2**n, batch_size):
                rows = slice(start, min(start + batch_size, 2**n))
                masked = mask(shown, gap, owned, table[rows])
                if images_last:
                    masked = masked.contiguous(memory_format=torch.channels_last)
                with read_layers(network, layers) as activations:
                    activations[OUTPUT] = network(masked)
                scored: dict[str, Tensor] = activations
                if score.reads == "logits" and probes is not None:
                    scored = {**probes(activations), OUTPUT: activations[OUTPUT]}
                chosen = target[b].expand(len(masked))
                scores = score_layers(score, [scored[name] for name in names], chosen)
                if not bool(torch.isfinite(scores).all()):
                    # A score is not finite where its activation is not; only then is it worth reading them all again.
                    check_finite(activations, samples[b].expand(len(masked)))
                    layer = names[int(torch.nonzero(~torch.isfinite(scores).all(0))[0])]
                    raise NonFiniteError(
                        f"expected finite scores, got NaN or infinity of layer {layer!r} on sample {int(samples[b])}. "
                        "Check the score function."
                    )
                values[rows, :, b] += scores / len(levels)
                done(len(masked))
    return values, logits.float().cpu()
