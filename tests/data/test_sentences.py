"""Sentences: files, tokenizer, which of them are explained."""

import subprocess
import sys

import pytest
import torch

from lk.data import SST2, Data, Sentences
from lk.data.stop_words import STOP_WORDS, is_content
from lk.data.tokenizer import published, trained
from lk.extras import extra

TEXTS = ["the cat sat on the mat", "a dog's mat , re-made", "cats"]


@pytest.mark.data
def test_sst2_has_the_known_numbers_of_sentences_with_ten_content_words(real_data):
    folder = real_data("sst2")
    counts = []
    for split in ("train", "dev", "test"):
        lines = (folder / f"{split}.tsv").read_text(encoding="utf-8").splitlines()
        counts.append(sum(sum(map(is_content, line.split("\t")[0].split())) == 10 for line in lines))
    assert counts == [490, 70, 147]


@pytest.mark.data
def test_sst2_explains_fifty_of_them(real_data):
    data = SST2(str(real_data("sst2")), samples_per_class=25)
    assert (len(Data.labels(data.train)), len(Data.labels(data.test))) == (6920, 1821)
    assert int(data.explainable.sum()) == 147
    assert data.class_names == ["negative", "positive"]
    x, y, _ = data.explained_samples()
    assert y.bincount().tolist() == [25, 25]
    owner, words = data.content_words(x)
    assert [len(row) for row in words] == [10] * 50
    assert [set(row.tolist()) for row in owner] == [set(range(-1, 10))] * 50


def test_content_words():
    assert len(STOP_WORDS) == 127
    sentence = "He ca n't be 19 , really 3-d ; it 's THE film ."
    assert [word for word in sentence.split() if is_content(word)] == ["ca", "n't", "really", "3-d", "'s", "film"]


def test_tokens_of_words_are_known_and_rows_have_one_length():
    tokens = trained(TEXTS, 60, 9)
    ids, words = tokens.encode([["cat", "zebra", "mat"], ["cats"] * 20])
    names = {number: token for token, number in tokens.backend.get_vocab().items()}
    assert (tokens.pad, tokens.mask) == (0, 4)
    assert [len(row) for row in ids] == [9, 9]
    assert ids[0][0] == 2
    assert names[ids[0][-1]] == "[PAD]"
    assert words[0][0] is None
    first = "".join(names[i].removeprefix("##") for i, w in zip(ids[0], words[0], strict=True) if w == 0)
    assert first == "cat"
    assert 1 in ids[0]  # a word with a letter that the training split lacks is unknown as a whole
    assert ids[1][-1] == 3  # a long sentence is cut before [SEP]


def test_cls_last_pads_on_the_left():
    ids, words = trained(TEXTS, 60, 8, cls="last").encode([["mat"]])
    assert ids[0][-1] == 2
    assert ids[0][-2] == 3
    assert ids[0][0] == 0
    assert words[0][-3] == 0


def test_tokenizer_is_a_function_of_the_sentences():
    """Two processes, whose hash maps have orders of their own, learn the same numbers."""
    code = f"from lk.data.tokenizer import trained; print(sorted(trained({TEXTS!r}, 50, 8).backend.get_vocab().items()))"
    first, second = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert first == second != ""


def test_settings_out_of_range(sentence_dir):
    with pytest.raises(ValueError, match=r"cls='frist'; expected the place of \[CLS\]. Did you mean 'first'"):
        trained(TEXTS, 60, 8, cls="frist")
    with pytest.raises(ValueError, match=r"vocab_size=12; expected at least \d+: the sentences have \d+ characters"):
        _ = Sentences(str(sentence_dir), words=3, vocab_size=12).train
    with pytest.raises(ValueError, match="words=10, max_length=11; expected at least one word, and room"):
        Sentences(str(sentence_dir), max_length=11)


def test_baseline_is_the_mask_at_every_place(sentence_dir):
    data = Sentences(str(sentence_dir), words=3, vocab_size=100, max_length=16)
    assert data.baseline.tolist() == [4] * 16
    assert data.baseline.dtype == torch.int64


def test_explained_have_the_asked_number_of_words_and_are_not_cut(tmp_path, writers):
    folder = str(writers.sentences(tmp_path / "r", words=3))
    data = Sentences(folder, words=4, vocab_size=100, max_length=24, samples_per_class=2)
    assert {len(words) for words in data.content_words(data.explained_samples()[0])[1]} == {4}
    assert int(data.explainable.sum()) == 8
    with pytest.raises(ValueError, match=r"has fewer of: 0, 1 \(only sentences with 4 content words are explained\)"):
        _ = Sentences(folder, words=4, vocab_size=100, max_length=7, samples_per_class=2).explained


def test_dev_is_taken_where_there_is_no_test(tmp_path, writers):
    assert len(Sentences(str(writers.sentences(tmp_path, test="dev")), words=3, vocab_size=100).test) == 24


def test_files_missing_or_damaged(tmp_path, sentence_dir):
    with pytest.raises(FileNotFoundError, match=r"No file .*train.tsv'. Expected train.tsv and test.tsv .*set data.init_args.data_dir"):
        _ = Sentences(str(tmp_path)).train
    (sentence_dir / "test.tsv").write_text("fine\t1\nno label here\n")
    with pytest.raises(ValueError, match=r"test.tsv, line 2: 'no label here'; expected `sentence<TAB>label`"):
        _ = Sentences(str(sentence_dir)).train


def test_a_missing_package_says_what_to_install():
    with pytest.raises(ModuleNotFoundError, match=r"'no_such_package'.*pip install layerwise-knowledge\[text\]"):
        extra("no_such_package")


def test_a_published_tokenizer_from_a_folder(tmp_path, sentence_dir):
    from transformers import PreTrainedTokenizerFast

    own = trained(TEXTS, 60, 16)
    special = {"pad_token": "[PAD]", "mask_token": "[MASK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    PreTrainedTokenizerFast(tokenizer_object=own.backend, **special).save_pretrained(tmp_path / "tokenizer")
    loaded = published(str(tmp_path / "tokenizer"), 12)
    assert loaded.encode([["cat", "mat"]])[0] == trained(TEXTS, 60, 12).encode([["cat", "mat"]])[0]
    data = Sentences(str(sentence_dir), words=3, tokenizer=str(tmp_path / "tokenizer"), max_length=40)
    assert data.input_shape == (40,)
    with pytest.raises(ValueError, match="cannot be loaded"):
        published(str(tmp_path / "nowhere"), 12)
