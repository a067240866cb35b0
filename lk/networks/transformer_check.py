"""Prove at construction that an architecture of the transformers library can be read, on a few tokens."""

from typing import Any

import torch
from torch import Tensor, nn

TOLERANCE = 1e-5  # of logits, absolute and relative


def first_line(error: Exception) -> str:
    """Type and first line of a library's error."""
    return (
        f"{type(error).__name__}: {str(error).strip().splitlines()[0].rstrip('.')}"
        if str(error).strip()
        else type(error).__name__
    )


def refused(model: Any, reason: str) -> ValueError:
    """The error of an architecture that cannot be read."""
    return ValueError(
        f"expected a transformer that can be read, got {model.config.model_type}: {reason}. Choose another "
        "architecture, such as bert, distilbert, roberta, xlnet or gpt2."
    )


def check_reads_words(model: Any) -> None:
    """Refuse architectures without one table of word embeddings that one sequence of tokens is looked up in."""
    if getattr(model.config, "is_encoder_decoder", False):
        raise refused(model, "its encoder and its decoder both read the input")
    try:
        table = model.get_input_embeddings()
    except Exception as error:
        raise refused(model, f"it has no table of word embeddings ({first_line(error)})") from error
    if not isinstance(table, nn.Module) or getattr(getattr(table, "weight", None), "ndim", 0) != 2:
        raise refused(model, "it has no table of word embeddings")


def tokens(network: Any, rows: int, length: int) -> Tensor:
    """Rows of ordinary words, which differ, `(rows, length)`."""
    special = {
        value
        for key, value in network.model.config.to_dict().items()
        if key.endswith("_token_id") and isinstance(value, int)
    }
    words = [number for number in range(len(network.embeddings)) if number not in special | {network.pad}][:1000] or [
        network.word
    ]
    return torch.tensor(words)[(torch.arange(rows)[:, None] * 5 + torch.arange(length) * 3 + 1) % len(words)]


def check_faithful(network: Any) -> int:
    """Prove that a transformer's logits are the library's, padded and alone, and that padding has no part in them.

    * On full rows, and on rows padded on either side, logits equal those of the library given numbers and attention
      mask, up to 1e-5.
    * The gradient of the logits with respect to the embeddings of padding is zero, for padding on the right or on the
      left.
    * One row of the full length of the inputs is run: positions of some architectures start behind the padding token's
      number.

    Args:
        network: A `lk.networks.Transformer` under construction.

    Returns:
        Number of its blocks: hidden states, without that of the embeddings.

    Raises:
        ValueError: One does not hold; says which.
    """
    modes = {part: part.training for part in network.modules()}
    model = network.model
    network.eval()
    try:
        with torch.random.fork_rng():
            return _check_faithful(network)
    except ValueError as error:
        raise (
            error
            if str(error).startswith("expected a transformer ")
            else refused(model, str(error).strip().splitlines()[0].rstrip("."))
        ) from error
    except Exception as error:  # whatever the library raises
        raise refused(model, first_line(error)) from error
    finally:
        for part, training in modes.items():
            part.training = training


def _check_faithful(network: Any) -> int:
    model, length = network.model, min(6, network.input_shape[0])
    full = tokens(network, 2, length)
    filled = max(1, length // 2)
    right, left = full.clone(), full.clone()
    right[0, filled:], left[0, : length - filled] = network.pad, network.pad
    unread = []
    for x in (full, right, left):
        with torch.no_grad():
            found = model(input_ids=x, attention_mask=(x != network.pad).long(), output_hidden_states=True)
        embedded = network.embed(x).detach().requires_grad_()
        with torch.enable_grad():
            ours = network.run(embedded, x)
        if ours.logits.shape != (2, network.num_classes):
            raise refused(
                model, f"its logits have the shape {tuple(ours.logits.shape)}, not {(2, network.num_classes)}"
            )
        if not torch.allclose(ours.logits, found.logits, rtol=TOLERANCE, atol=TOLERANCE):
            raise refused(model, "its logits from word embeddings differ from those from numbers")
        (gradient,) = torch.autograd.grad(ours.logits[0].square().sum(), embedded)
        reached = gradient[0].abs().amax(1)
        words = x[0] != network.pad
        unread.append(bool((reached[words] > 0).any()) and bool((reached[~words] <= 1e-6 * reached.max()).all()))
    if not unread[0]:
        raise refused(model, "its logits do not depend on its word embeddings")
    if not any(unread[1:]):
        raise refused(model, "padding has a part in its logits")
    hidden = ours.hidden_states[1:]
    if not hidden or any(state.ndim < 2 or len(state) != 2 for state in hidden):
        raise refused(model, "its hidden states are not batch first")
    with torch.no_grad():
        whole = tokens(network, 1, network.input_shape[0])
        try:
            network.run(network.embed(whole), whole)
        except Exception as error:  # an index or a size: the library's kinds differ
            most = getattr(model.config, "max_position_embeddings", None)
            raise ValueError(
                f"expected a transformer that takes inputs of {network.input_shape[0]} tokens, got "
                f"{model.config.model_type} with max_position_embeddings={most} ({first_line(error)}). Raise it, or "
                "lower max_length of the data: positions of some architectures start behind the number of the padding "
                "token."
            ) from error
    return len(hidden)
