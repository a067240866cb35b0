"""Words of a sentence as players."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from lk.games.players import Players

if TYPE_CHECKING:
    from lk.data import Data


class Words(Players):
    """Every content word of a sentence is a player, with all its word pieces; the rest of the sentence is background.

    Which words these are is said by the data set (`lk.data.Sentences`, `lk.data.SST2`): word pieces alone do not tell
    where a word ends for every tokenizer, and stop words are words of the sentence.
    """

    def divide(self, x: Tensor, baseline: Tensor, columns: Sequence[str] = ()) -> Tensor:
        """Refused: token numbers alone do not tell words."""
        raise ValueError(
            "expected the sentences behind the token numbers, got token numbers alone. Explain a data set such as "
            "lk.data.SST2 through an Extraction."
        )

    def divide_samples(self, data: "Data", x: Tensor) -> tuple[Tensor, list[list[str]]]:
        """The owner of every token, `(samples, length)`, and the content words of each sample."""
        return data.content_words(x)
