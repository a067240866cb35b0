"""Transformers from the library of that name, fresh or pretrained: BERT, DistilBERT, XLNet and their kin."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lk.extras import extra
from lk.networks.network import Network
from lk.networks.transformer_check import check_faithful, check_reads_words, first_line
from lk.text import nearest

ABSENT = -1  # a token number that stands for an absent player: embedded as the vector that `absent` names


class Transformer(Network):
    """A sequence classifier of the transformers library; `layer1`, `layer2`, ... are its hidden states, batch first.

    Inputs are rows of token numbers, shape `(batch, length)`; padding is not attended to. The token number -1 (see
    `lk.games.maskers.Token`) is embedded as the vector that `absent` names, at the place of the token that it stands
    for. The library is given numbers and mask, so that logits are its own; what its word embeddings give is then
    replaced. An architecture is accepted if that is shown to work (see `lk.networks.transformer_check`): most are that
    read one sequence of words.

    Args:
        architecture: Kind of a network with fresh weights, such as `bert`, `distilbert`, `xlnet`.
        config: Its sizes under the library's names for that architecture; default the library's own.
        pretrained: Name on the Hugging Face hub, or folder, of weights to start from, in place of `architecture` and
            `config`; only safetensors are read, and no code of the folder is run.
        absent: Embedding of an absent token: `zeros`, `mean` (of all word embeddings), or a safetensors file with one
            vector.
        pad: Number of the padding token; default that of the configuration, which it replaces.
        num_classes: Number of logits.
        input_shape: `(length,)`.

    Raises:
        ModuleNotFoundError: The extra `text` is not installed.
        ValueError: The architecture, a name in `config` or a file is unknown, the inputs are longer than the network's,
            or the architecture cannot be read faithfully.

    Example:
        >>> sizes = {"vocab_size": 50, "hidden_size": 8, "intermediate_size": 16}
        >>> sizes |= {"num_hidden_layers": 2, "num_attention_heads": 2}
        >>> network = Transformer("bert", sizes, num_classes=2, input_shape=(6,))
        >>> network.layers, network(torch.ones(3, 6, dtype=torch.long)).shape
        (('layer1', 'layer2'), torch.Size([3, 2]))
    """

    def __init__(
        self,
        architecture: str = "bert",
        config: dict[str, Any] | None = None,
        pretrained: str | None = None,
        absent: str = "zeros",
        pad: int | None = None,
        num_classes: int = 2,
        input_shape: Sequence[int] = (48,),
    ) -> None:
        super().__init__(num_classes, input_shape)
        library = extra("transformers")
        self.model = (
            load(library, pretrained, num_classes)
            if pretrained
            else fresh(library, architecture, config or {}, pad, num_classes)
        )
        sizes = self.model.config
        most = getattr(sizes, "max_position_embeddings", None)
        if most is not None and 0 <= most < self.input_shape[0]:  # -1 (XLNet): positions are relative, without an end
            raise ValueError(
                f"expected inputs of at most {most} tokens, got {self.input_shape[0]}. Lower max_length of the data, "
                "or raise max_position_embeddings."
            )
        pad = getattr(sizes, "pad_token_id", None) if pad is None else pad
        if pad is None:
            raise ValueError(
                f"expected a padding token, got none in the configuration of {sizes.model_type}. Set pad to its number."
            )
        self.pad: int = pad
        sizes.pad_token_id = sizes.get_text_config().pad_token_id = self.pad
        self.absent = absent
        check_reads_words(self.model)
        hidden = self.embeddings.shape[1]
        self.register_buffer("given", read_vector(Path(absent), hidden) if absent not in ("zeros", "mean") else None)
        # Stands at the place of an absent token, whose embedding is replaced: a word like any other.
        special = {
            value for key, value in sizes.to_dict().items() if key.endswith("_token_id") and isinstance(value, int)
        } | {self.pad}
        self.word = next((number for number in range(len(self.embeddings)) if number not in special), 0)
        self.layers = tuple(f"layer{i}" for i in range(1, check_faithful(self) + 1))
        for name in self.layers:
            # The blocks of some networks run length first and are numbered in different places; these see what each
            # block gives.
            self.add_module(name, nn.Identity())

    @property
    def embeddings(self) -> Tensor:
        """The word embeddings, shape `(tokens, hidden)`."""
        return self.model.get_input_embeddings().weight  # type: ignore[no-any-return]

    def absent_vector(self) -> Tensor:
        """The embedding of an absent token, shape `(hidden,)`."""
        if self.given is not None:
            return self.given  # type: ignore[return-value]
        if self.absent == "zeros":
            return torch.zeros_like(self.embeddings[0])
        # What the module gives, and not its weights: some multiply them.
        every = torch.arange(len(self.embeddings), device=self.embeddings.device)
        return self.model.get_input_embeddings()(every).mean(0)

    def embed(self, x: Tensor) -> Tensor:
        """Word embeddings `(batch, length, hidden)` of token numbers `(batch, length)`.

        Raises:
            ValueError: A token number is not below the size of the vocabulary.
        """
        table = self.model.get_input_embeddings()
        if x.numel() and int(x.max()) >= len(self.embeddings):
            raise ValueError(
                f"expected tokens from 0 to {len(self.embeddings) - 1}, got token {int(x.max())}. Set vocab_size in "
                "the network's config to that of the data, or take the tokenizer of the pretrained network."
            )
        embedded: Tensor = table(x.clamp(min=0))
        gone = x == ABSENT
        return torch.where(gone[..., None], self.absent_vector(), embedded) if bool(gone.any()) else embedded

    def run(self, embedded: Tensor, x: Tensor) -> Any:
        """The library's own output for token numbers, whose word embeddings are replaced by `embedded`."""
        numbers = torch.where(x == ABSENT, self.word, x)
        with words_replaced(self.model.get_input_embeddings(), numbers, embedded):
            # Hidden states are asked for by name, because they come batch first whatever a block itself returns.
            return self.model(
                input_ids=numbers, attention_mask=torch.ne(numbers, self.pad).long(), output_hidden_states=True
            )

    def from_embedded(self, embedded: Tensor, x: Tensor) -> Tensor:
        """Logits from word embeddings; `x` says where padding is."""
        found = self.run(embedded, x)
        for name, hidden in zip(self.layers, found.hidden_states[1:], strict=True):
            self.get_submodule(name)(hidden)
        return found.logits  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, num_classes)` for token numbers `(batch, length)`."""
        return self.from_embedded(self.embed(x), x)


@contextmanager
def words_replaced(table: nn.Module, numbers: Tensor, embedded: Tensor) -> Iterator[None]:
    """Inside the `with` block, word embeddings of `numbers` (or of their transpose, as XLNet asks for) are `embedded`.

    Raises:
        ValueError: The network asks for others, or not exactly once.
    """
    asked = 0

    def replace(_: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        if asked == 1 and (inputs[0] is numbers or torch.equal(inputs[0], numbers)):
            return embedded.clone()  # CTRL multiplies it in place
        if asked == 1 and torch.equal(inputs[0], numbers.T):
            return embedded.transpose(0, 1).contiguous()
        raise ValueError("it embeds other tokens than it is given, or embeds them twice")

    handle = table.register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()
    if asked != 1:
        raise ValueError("it does not look its words up in its table of word embeddings")


def fresh(library: Any, architecture: str, config: dict[str, Any], pad: int | None, num_classes: int) -> Any:
    """A network with fresh weights; `pad` is told before they are drawn, because some tables reserve its place."""
    known = list(library.models.auto.configuration_auto.CONFIG_MAPPING.keys())
    if architecture not in known:
        raise ValueError(
            f"expected an architecture of transformers, got architecture={architecture!r}. "
            f"{nearest(architecture, known)}"
        )
    kind = library.models.auto.configuration_auto.CONFIG_MAPPING[architecture]
    names = sorted({*kind().to_dict(), *kind.attribute_map})
    wrong = [name for name in config if name not in names]
    if wrong:
        raise ValueError(f"expected settings of {architecture} as config, got {wrong[0]!r}. {nearest(wrong[0], names)}")
    if pad is not None and "pad_token_id" in names:
        config = {**config, "pad_token_id": pad}
    try:
        return library.AutoModelForSequenceClassification.from_config(kind(**config, num_labels=num_classes))
    except Exception as error:  # the library raises many types for sizes that do not fit
        raise ValueError(
            f"expected a classifier of sequences, got {architecture} with {config}: {first_line(error)}. Choose "
            "another architecture or config."
        ) from error


def load(library: Any, pretrained: str, num_classes: int) -> Any:
    """A pretrained network with a head of `num_classes`."""
    try:
        return library.AutoModelForSequenceClassification.from_pretrained(
            pretrained, num_labels=num_classes, use_safetensors=True, trust_remote_code=False, weights_only=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(
            "expected a name on the Hugging Face hub or a folder with config.json and model.safetensors, got "
            f"pretrained={pretrained!r} ({str(error).splitlines()[0]}). Check the name."
        ) from error


def read_vector(path: Path, hidden: int) -> Tensor:
    """The one vector of a safetensors file."""
    if not path.is_file():
        raise ValueError(
            f"expected 'zeros', 'mean' or a safetensors file with one vector of {hidden} numbers, got "
            f"absent={str(path)!r}. Check the path."
        )
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"{path} is truncated or no safetensors file ({error}). Write it again with safetensors.torch.save_file."
        ) from error
    shapes = {key: tuple(value.shape) for key, value in stored.items()}
    if list(shapes.values()) != [(hidden,)]:
        raise ValueError(f"{path}: expected one vector of {hidden} numbers, got {shapes}. Write it again.")
    return next(iter(stored.values())).float()
