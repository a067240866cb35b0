"""Labelled sentences: any folder of TSV files; SST-2."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from lk.data.data import Data, Labelled, Tensors
from lk.data.lines import FORM, Line, Split, classes_of, numbered, read_lines
from lk.data.reading import check_encoding
from lk.data.stop_words import is_content
from lk.data.tokenizer import Tokenizer, published, trained
from lk.extras import extra
from lk.text import short

OPINIONS = ("negative", "positive")


class Sentences(Data):
    """`data_dir/train.tsv` and `data_dir/test.tsv` (or `dev.tsv`), a line `sentence<TAB>label` for each sample.

    Labels are whole numbers or words; the classes are those of the training split, numbers in their order, words in the
    alphabet's.

    An input is a row of token numbers, shape `(max_length,)`, int64. A player is a content word with all its word
    pieces (see `is_content`; `lk.games.Words` divides); stop words, punctuation, numbers and special tokens are
    background. Training uses all sentences; explained are only those with exactly `words` content words that are not
    cut. The baseline is [MASK] at every place (Cheng et al., ICML 2024, footnote 4 and App. M.1).

    Args:
        data_dir: Folder of the files.
        words: Content words of the sentences to explain.
        tokenizer: Name on the Hugging Face hub, or folder, of a pretrained network's tokenizer; by default one is
            trained on the training split.
        vocab_size: Tokens of the trained tokenizer.
        max_length: Tokens of an input, special ones included; longer sentences are cut.
        cls: Place of [CLS] for the trained tokenizer: `first`, or `last` (XLNet) with padding on the left.
        batch_size: Training batch per device.
        samples_per_class: Number of sentences to explain of each class.
        seed: Order of the batches and choice of the samples.
        num_workers: Processes that load batches.
        encoding: Encoding of the files.

    Raises:
        FileNotFoundError: A file is missing.
        ModuleNotFoundError: The extra `text` is not installed.
        ValueError: A line is damaged, or a setting is out of range.
    """

    def __init__(
        self,
        data_dir: str | None = None,
        words: int = 10,
        tokenizer: str | None = None,
        vocab_size: int = 4000,
        max_length: int = 48,
        cls: str = "first",
        batch_size: int = 32,
        samples_per_class: int = 2,
        seed: int = 0,
        num_workers: int = 0,
        encoding: str = "utf-8",
    ) -> None:
        super().__init__(batch_size, samples_per_class, seed, num_workers)
        if words < 1 or max_length < words + 2:
            raise ValueError(
                f"expected words >= 1 and max_length >= words + 2, got words={words}, max_length={max_length}. Leave "
                "room for the words and two special tokens."
            )
        self.data_dir, self.words, self.tokenizer, self.cls = data_dir, words, tokenizer, cls
        self.vocab_size, self.max_length, self.encoding = vocab_size, max_length, check_encoding(encoding)
        self.classes: list[str] = []

    @property
    def name(self) -> str:  # type: ignore[override]
        """The folder's own name."""
        return Path(self.data_dir).resolve().name.lower() if self.data_dir else super().name

    def texts(self) -> tuple[Split, Split]:
        """Sentences and labels of both splits."""
        folder = Path(self.data_dir or ".")
        files = [
            folder / "train.tsv",
            next((f for s in ("test", "dev") if (f := folder / f"{s}.tsv").is_file()), folder / "test.tsv"),
        ]
        for file in files:
            if not file.is_file():
                raise FileNotFoundError(
                    "expected train.tsv and test.tsv (or dev.tsv) with lines `sentence<TAB>label`, got no file "
                    f"{str(file)!r}. Set data.init_args.data_dir to their folder."
                )
        lines = [read_lines(file, self.encoding) for file in files]
        for file, found in zip(files, lines, strict=True):
            if not found:
                raise ValueError(f"{file}: expected lines {FORM}, got none. Write the file again.")
        self.classes = self.labels_of(files[0], lines[0])
        train, test = (numbered(file, found, self.classes) for file, found in zip(files, lines, strict=True))
        return train, test

    def labels_of(self, path: Path, lines: Sequence[Line]) -> list[str]:
        """The labels of the training split, in the order of their classes."""
        return classes_of(path, lines)

    @property
    def class_names(self) -> Sequence[str]:
        """The labels as they are written."""
        self.read  # noqa: B018  (loading fills them)
        return self.classes

    @cached_property
    def read(self) -> tuple[Split, Split]:
        """Both splits as text, read once."""
        return self.texts()

    @cached_property
    def tokens(self) -> Tokenizer:
        """The tokenizer."""
        if self.tokenizer is not None:
            return published(self.tokenizer, self.max_length)
        return trained(self.read[0][0], self.vocab_size, self.max_length, self.cls)

    def load(self) -> tuple[Labelled, Labelled]:
        """Both splits as token numbers, in memory."""
        train, test = (
            Tensors(torch.tensor(self.tokens.encode([s.split() for s in sentences])[0]), torch.tensor(labels))
            for sentences, labels in self.read
        )
        return train, test

    @cached_property
    def baseline(self) -> Tensor:
        """[MASK] at every place: a mean of token numbers would mean nothing."""
        return torch.full(self.input_shape, self.tokens.mask)

    @cached_property
    def explainable(self) -> Tensor:
        """Which sentences of the test split have exactly `words` content words and fit, shape `(samples,)`, bool."""
        sentences = [sentence.split() for sentence in self.read[1][0]]
        places = self.tokens.encode(sentences)[1]
        return torch.tensor(
            [
                sum(map(is_content, words)) == self.words and set(range(len(words))) <= set(place)
                for words, place in zip(sentences, places, strict=True)
            ]
        )

    @cached_property
    def explained(self) -> Tensor:
        """Indices into the test split.

        The first `samples_per_class` explainable sentences of each class in a seeded order.
        """
        return self.first_of_each_class(
            self.explainable, f"only sentences with {self.words} content words are explained"
        )

    def content_words(self, x: Tensor) -> tuple[Tensor, list[list[str]]]:
        """The content word that each token belongs to, and the words.

        Args:
            x: Inputs as the test split holds them, shape `(samples, length)`.

        Returns:
            Owners `(samples, length)`, the number of the content word from 0 or -1, and the content words of each
            sample.

        Raises:
            ValueError: An input is no sentence of the test split.
        """
        test = self.test
        assert isinstance(test, Tensors)
        number = {tuple(row): place for place, row in reversed(list(enumerate(test.x.tolist())))}
        missing = [place for place, row in enumerate(x.tolist()) if tuple(row) not in number]
        if missing:
            raise ValueError(
                f"expected sentences of the test split of {self.name}, whose words are known, got another as input "
                f"{missing[0]} of {len(x)}. Take samples of this data set."
            )
        sentences = [self.read[1][0][number[tuple(row)]].split() for row in x.tolist()]
        owner, content = torch.full(x.shape, -1), []
        for row, (words, place) in enumerate(zip(sentences, self.tokens.encode(sentences)[1], strict=True)):
            players = [i for i, word in enumerate(words) if is_content(word)]
            owner[row] = torch.tensor([players.index(i) if i in players else -1 for i in place])
            content.append([words[i] for i in players])
        return owner, content


class SST2(Sentences):
    """SST-2, movie reviews, negative or positive.

    From TSV files, or from the Hugging Face hub where `data_dir` is not set.

    The files hold whole sentences (6 920 / 1 821 in train / test, 147 of the latter with ten content words); the hub's
    training split holds phrases too, and its validation split stands for the test split, whose labels are not
    published. Arguments are those of `Sentences`.
    """

    @property
    def class_names(self) -> Sequence[str]:
        """Both opinions."""
        return list(OPINIONS)

    def labels_of(self, path: Path, lines: Sequence[Line]) -> list[str]:
        """0 and 1, or both opinions in words."""
        found = super().labels_of(path, lines)
        if found not in (["0", "1"], list(OPINIONS)):
            raise ValueError(
                f"{path}: expected SST-2's labels 0 and 1, or {' and '.join(OPINIONS)}, got "
                f"{', '.join(short(c, 20) for c in found[:5])}. Use lk.data.Sentences for other labels."
            )
        return found

    def texts(self) -> tuple[Split, Split]:
        """Sentences and labels of both splits."""
        if self.data_dir is not None:
            return super().texts()
        kit = extra("datasets")
        try:
            loaded = kit.load_dataset("stanfordnlp/sst2")
        except Exception as error:  # the hub's client raises many types without a network
            raise FileNotFoundError(
                f"expected SST-2 from the Hugging Face hub, got {type(error).__name__}. Set data.init_args.data_dir to "
                "a folder with train.tsv and test.tsv, lines `sentence<TAB>label`."
            ) from error
        train, test = (
            (list(part["sentence"]), list(part["label"])) for part in (loaded["train"], loaded["validation"])
        )
        return train, test
