"""Word pieces: a tokenizer made from the training sentences alone, or a published one."""

from collections.abc import Sequence
from typing import Any

from lk.extras import extra
from lk.text import nearest

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ENDS = ("first", "last")


class Tokenizer:
    """Sentences of words to rows of token numbers of one length, and which word each token belongs to.

    Args:
        backend: A `tokenizers.Tokenizer` with padding and truncation set.
        pad: Number of the padding token.
        mask: Number of the token that stands for a masked word.
    """

    def __init__(self, backend: Any, pad: int, mask: int) -> None:
        self.backend, self.pad, self.mask = backend, pad, mask

    @property
    def size(self) -> int:
        """Number of tokens."""
        return int(self.backend.get_vocab_size())

    def encode(self, sentences: Sequence[Sequence[str]]) -> tuple[list[list[int]], list[list[int | None]]]:
        """Token numbers, and the place of each token's word in its sentence (none for special tokens and padding).

        Args:
            sentences: Words of each sentence.

        Returns:
            Two lists of `(sentences, length)`.
        """
        found = self.backend.encode_batch([list(words) for words in sentences], is_pretokenized=True)
        return [encoding.ids for encoding in found], [encoding.word_ids for encoding in found]


def trained(sentences: Sequence[str], vocab_size: int, length: int, cls: str = "first") -> Tokenizer:
    """A lower-case WordPiece tokenizer that depends on the sentences alone.

    Args:
        sentences: Training sentences; words are what white space separates.
        vocab_size: Number of tokens, special ones and single characters included.
        length: Tokens of every row; longer sentences are cut, shorter ones padded.
        cls: Place of [CLS]: `first` pads on the right, `last` (as XLNet) on the left.

    Raises:
        ValueError: `cls` is neither, or `vocab_size` is too small for the characters.

    Example:
        >>> tokens = trained(["good film", "goodish films"], 60, 8)
        >>> tokens.encode([["good", "films"]])[1][0]
        [None, 0, 1, None, None, None, None, None]
    """
    if cls not in ENDS:
        raise ValueError(f"expected the place of [CLS], got cls={cls!r}. {nearest(cls, ENDS)}")
    kit = extra("tokenizers")
    normalizer = kit.normalizers.BertNormalizer(lowercase=True)
    split = kit.pre_tokenizers.WhitespaceSplit()
    characters = sorted(set("".join(normalizer.normalize_str(sentence) for sentence in sentences)) - set(" \t\n"))
    # The trainer numbers pieces such as ##e in the random order of a hash map, and ties between merges follow these
    # numbers. Given as special tokens they are numbered here, and the vocabulary is a function of the sentences.
    fixed = [*SPECIAL, *characters, *(f"##{character}" for character in characters)]
    if vocab_size < len(fixed):
        raise ValueError(
            f"expected vocab_size of at least {len(fixed)}, as the sentences have {len(characters)} characters, got "
            f"vocab_size={vocab_size}. Raise it."
        )
    learner = kit.Tokenizer(kit.models.WordPiece(unk_token="[UNK]"))
    learner.normalizer, learner.pre_tokenizer = normalizer, split
    learner.train_from_iterator(
        list(sentences), kit.trainers.WordPieceTrainer(vocab_size=vocab_size, special_tokens=fixed, show_progress=False)
    )
    pieces = [*fixed, *sorted(set(learner.get_vocab()) - set(fixed))]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    backend = kit.Tokenizer(kit.models.WordPiece(numbers, unk_token="[UNK]", max_input_chars_per_word=100))
    backend.normalizer, backend.pre_tokenizer = normalizer, split
    backend.add_special_tokens(list(SPECIAL))
    form = "[CLS] $A [SEP]" if cls == "first" else "$A [SEP] [CLS]"
    backend.post_processor = kit.processors.TemplateProcessing(
        single=form, special_tokens=[(token, numbers[token]) for token in ("[CLS]", "[SEP]")]
    )
    backend.enable_truncation(length)
    backend.enable_padding(
        direction="right" if cls == "first" else "left", length=length, pad_id=numbers["[PAD]"], pad_token="[PAD]"
    )
    return Tokenizer(backend, numbers["[PAD]"], numbers["[MASK]"])


def published(name: str, length: int) -> Tokenizer:
    """The tokenizer of a pretrained network, by its name on the hub or its folder; no code of the folder is run.

    Raises:
        ValueError: It cannot be loaded, or has no padding or mask token.
    """
    kit = extra("transformers")
    try:
        loaded = kit.AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"expected a name on the Hugging Face hub or a folder with tokenizer.json, got tokenizer={name!r} "
            f"({str(error).splitlines()[0]}). Leave it out to train one on the training split."
        ) from error
    if loaded.pad_token_id is None or loaded.mask_token_id is None:
        raise ValueError(
            f"expected a tokenizer with padding and mask tokens, got tokenizer={name!r}. Use one of a masked language "
            "model (BERT, XLNet, ...)."
        )
    backend = loaded.backend_tokenizer
    backend.enable_truncation(length)
    backend.enable_padding(
        direction=loaded.padding_side, length=length, pad_id=loaded.pad_token_id, pad_token=loaded.pad_token
    )
    return Tokenizer(backend, int(loaded.pad_token_id), int(loaded.mask_token_id))
