import pytest
import torch

from lk.data import SST2, Digits
from lk.extraction import Extraction, Samples
from lk.games import Foreground, Words, count_players, mask, play, present
from lk.games.maskers import Token
from lk.scores import Logit

PAD, UNK, CLS, SEP, MASK = range(5)


@pytest.fixture
def data(sentence_dir):
    return SST2(str(sentence_dir), words=3, vocab_size=100, max_length=24)


def test_pieces_of_a_word_have_one_owner_and_the_rest_is_background(data):
    """`the film , and re-imagining , and awful of 1999 .`.

    Stop words, commas, the number, [CLS], [SEP], [PAD] belong to nobody.
    """
    x, _, index = data.explained_samples()
    owner, words = Words().divide_samples(data, x)
    numbers = {number: token for token, number in data.tokens.backend.get_vocab().items()}
    assert owner.shape == x.shape
    assert count_players(owner) == 3
    for row, own, names, place in zip(x.tolist(), owner.tolist(), words, index, strict=True):
        pieces = [[numbers[t] for t, o in zip(row, own, strict=True) if o == player] for player in range(3)]
        assert ["".join(part.removeprefix("##") for part in word) for word in pieces] == names
        assert names == [w for w in data.read[1][0][place].split() if w not in {"the", ",", "and", "of", "1999", "."}]
        background = {numbers[token] for token, o in zip(row, own, strict=True) if o == -1}
        assert {"[CLS]", "[SEP]", "[PAD]", "the"} <= background
    assert int((owner >= 0).sum()) > 3 * len(x)  # some word has several pieces


def test_masking_keeps_stop_words_and_fills_whole_words(data):
    samples = Extraction(Words(), Token()).samples(data)
    masked = mask(samples.x[0], samples.filler[0], samples.owner[0], present(3))
    for coalition, row in enumerate(masked):
        for place, token in enumerate(row.tolist()):
            player = int(samples.owner[0, place])
            kept = player == -1 or coalition >> player & 1
            assert token == (int(samples.x[0, place]) if kept else MASK)
    assert torch.equal(masked[-1], samples.x[0])


def test_words_are_stored_with_the_samples(data, tmp_path):
    samples = Extraction(Words()).samples(data)
    assert samples.players == ()
    assert [len(words) for words in samples.words] == [3] * 4
    samples.save(tmp_path / "samples.safetensors")
    loaded = Samples.load(tmp_path / "samples.safetensors")
    assert loaded.words == samples.words
    assert loaded.names(1) == list(samples.words[1])
    assert loaded.x.dtype == torch.int64


def test_samples_of_a_run_without_words_are_read(tmp_path):
    samples = Extraction(Foreground(2, 2)).samples(Digits(samples_per_class=1))
    samples.save(tmp_path / "samples.safetensors")
    assert "words" not in (tmp_path / "samples.yaml").read_text()
    assert Samples.load(tmp_path / "samples.safetensors").names(0) == ["player 0", "player 1"]


def test_data_without_sentences():
    with pytest.raises(ValueError, match="expected sentences to divide into words, got Digits"):
        Extraction(Words()).samples(Digits())
    with pytest.raises(ValueError, match="expected the sentences behind the token numbers, got token numbers"):
        Words().divide(torch.zeros(1, 3), torch.zeros(3))


def test_input_that_is_no_sentence_of_the_data(data):
    x = data.explained_samples()[0]
    x[1, 1] = UNK
    with pytest.raises(
        ValueError, match=r"expected sentences of the test split of reviews,.*got another as input 1 of 4"
    ):
        data.content_words(x)


def test_background_of_token_numbers_stays(data):
    samples = Extraction(Words()).samples(data)
    with pytest.raises(
        ValueError,
        match=r"expected background='original' for token numbers,.*got background='integrated'",
    ):
        play(torch.nn.Identity(), None, [], samples.x, samples.y, samples.owner, samples.filler, Logit(), "integrated")
