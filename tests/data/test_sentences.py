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
    """Another process, whose hash maps have an order of their own, learns the same numbers."""
    code = (
        f"from lk.data.tokenizer import trained; print(sorted(trained({TEXTS!r}, 50, 8).backend.get_vocab().items()))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert other.strip() == str(sorted(trained(TEXTS, 50, 8).backend.get_vocab().items())) != ""


def test_settings_out_of_range(sentence_dir):
    with pytest.raises(ValueError, match=r"expected the place of \[CLS\], got cls='frist'.*Did you mean 'first'"):
        trained(TEXTS, 60, 8, cls="frist")
    with pytest.raises(
        ValueError, match=r"vocab_size of at least \d+, as the sentences have \d+ characters, got vocab_size=12"
    ):
        _ = Sentences(str(sentence_dir), words=3, vocab_size=12).train
    with pytest.raises(ValueError, match=r"max_length >= words \+ 2, got words=10, max_length=11. Leave room"):
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
    with pytest.raises(
        ValueError,
        match=r"expected samples_per_class samples of each class.*got samples_per_class=2 and fewer of: 0, 1 \(only",
    ):
        _ = Sentences(folder, words=4, vocab_size=100, max_length=7, samples_per_class=2).explained


def test_dev_is_taken_where_there_is_no_test(tmp_path, writers):
    assert len(Sentences(str(writers.sentences(tmp_path, test="dev")), words=3, vocab_size=100).test) == 24


def test_files_missing_or_damaged(tmp_path, sentence_dir):
    with pytest.raises(
        FileNotFoundError, match=r"expected train\.tsv and test\.tsv \(or dev\.tsv\) with.*got no file.*train\.tsv'"
    ):
        _ = Sentences(str(tmp_path)).train
    (sentence_dir / "test.tsv").write_text("fine\t1\nno label here\n")
    with pytest.raises(
        ValueError, match=r"test.tsv, line 2: expected `sentence<TAB>label` with one tab, got 'no label here'"
    ):
        _ = Sentences(str(sentence_dir)).train


# ---- files of real people
def folder_of(path, lines, test=None, encoding="utf-8"):
    path.mkdir()
    for split, content in (("train", lines), ("test", test or lines)):
        (path / f"{split}.tsv").write_bytes("".join(content).encode(encoding))
    return path


def line(i, label, inside=" "):
    words = ("film", "story", "plot", "acting")
    return f"the {words[i % 4]}{inside}and {words[(i + 1) % 4]} of {words[(i + 2) % 4]} no {i} .\t{label}\n"


def opened(folder, **settings):
    return Sentences(str(folder), words=3, vocab_size=200, max_length=24, samples_per_class=1, **settings)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0c", "\x0b", "\x1c", "\xa0"])
def test_marks_inside_a_sentence_do_not_end_it(tmp_path, mark):
    """str.splitlines ends lines at each of these but the last."""
    plain, marked = ([line(i, i % 2, inside if i == 3 else " ") for i in range(12)] for inside in (" ", mark))
    data, expected = opened(folder_of(tmp_path / "marked", marked)), opened(folder_of(tmp_path / "plain", plain))
    assert torch.equal(data.train.x, expected.train.x)
    assert torch.equal(data.explained, expected.explained)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text + "\n",
        lambda text: text.replace("\n", "\n\n \n"),
        str.rstrip,
        lambda text: "\ufeff" + text,
    ],
    ids=["carriage returns", "blank end", "blank lines", "no end", "byte order mark"],
)
def test_line_ends_and_blank_lines(tmp_path, change):
    lines = [line(i, i % 2) for i in range(12)]
    data, expected = (
        opened(folder_of(tmp_path / "a", [change("".join(lines))])),
        opened(folder_of(tmp_path / "b", lines)),
    )
    assert data.read == expected.read


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("bad", "good"), ["bad", "good"]),
        ((1, 2), ["1", "2"]),
        ((-1, 1), ["-1", "1"]),
        ((2, 10), ["2", "10"]),
        ((0, 1), ["0", "1"]),
    ],
    ids=["words", "from one", "signs", "order of numbers", "from zero"],
)
def test_labels_as_they_are_written(tmp_path, labels, classes):
    data = opened(folder_of(tmp_path / "a", [line(i, labels[i % 2]) for i in range(12)]))
    assert list(data.class_names) == classes
    assert data.num_classes == 2
    assert data.labels(data.train).tolist() == [0, 1] * 6
    assert data.explained_samples()[1].tolist() == [0, 1]


ZERO_ONE = [line(i, i % 2) for i in range(12)]


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            ["sentence\tlabel\n", *ZERO_ONE],
            None,
            r"train\.tsv, line 1: expected labels that are all numbers or all words, got 'label'",
        ),
        (
            ["sentence\tlabel\n", *[line(i, ("bad", "good")[i % 2]) for i in range(12)]],
            None,
            r"train\.tsv, line 1: .*is a header",
        ),
        (ZERO_ONE, ["sentence\tlabel\n", *ZERO_ONE], r"test\.tsv, line 1: .*got 'label'.*is a header"),
        (
            [*ZERO_ONE, "fine\tone\n"],
            None,
            r"train\.tsv, line 13: expected labels that are all numbers or all words, got 'one'",
        ),
        (
            ZERO_ONE,
            [*ZERO_ONE, line(1, 7)],
            r"test\.tsv, line 13: expected a label of the training split \(0, 1\), got '7'",
        ),
        (
            [*ZERO_ONE, "\n", "no label\n"],
            None,
            r"train\.tsv, line 14: expected `sentence<TAB>label` with one tab, got 'no label'",
        ),
        ([*ZERO_ONE, "\t1\n"], None, r"train\.tsv, line 13: "),
        ([*ZERO_ONE, "fine\t \n"], None, r"train\.tsv, line 13: "),
        (
            [f"{i}\t{text}" for i, text in enumerate(ZERO_ONE)],
            None,
            r"train\.tsv, line 1: expected `sentence<TAB>label` with one tab",
        ),
        ([f"{i % 2}\t{line(i, '').strip()}\n" for i in range(12)], None, r"train\.tsv.*(header|behind the sentence)"),
        ([], ZERO_ONE, r"train\.tsv: expected lines `sentence<TAB>label`, got none"),
    ],
    ids=[
        "header",
        "header of words",
        "header of the test split",
        "a word",
        "unknown label",
        "no tab",
        "no sentence",
        "no label",
        "three columns",
        "exchanged",
        "empty",
    ],
)
def test_files_of_another_form_name_the_line(tmp_path, train, test, message):
    with pytest.raises(ValueError, match=message):
        _ = opened(folder_of(tmp_path / "a", train, test)).train


def test_other_encodings(tmp_path):
    folder = folder_of(tmp_path / "a", [line(i, i % 2, "é " if i == 3 else " ") for i in range(12)], encoding="latin-1")
    with pytest.raises(
        ValueError,
        match=r"train\.tsv, line 4: expected text encoded as utf-8, .*Set data.init_args.encoding, such as latin-1",
    ):
        _ = opened(folder).train
    assert "actingé" in opened(folder, encoding="latin-1").read[0][0][3]
    with pytest.raises(ValueError, match="expected an encoding that Python knows, got encoding='klingon'"):
        opened(folder, encoding="klingon")


def test_sst2_takes_its_own_labels_alone(tmp_path):
    words = folder_of(tmp_path / "a", [line(i, ("positive", "negative")[i % 2]) for i in range(12)])
    settings = {"words": 3, "vocab_size": 200, "max_length": 24, "samples_per_class": 1}
    assert SST2(str(words), **settings).train.y.tolist() == [1, 0] * 6
    with pytest.raises(
        ValueError, match=r"train\.tsv: expected SST-2's labels 0 and 1, .*got 1, 2\. Use lk.data.Sentences"
    ):
        _ = SST2(str(folder_of(tmp_path / "b", [line(i, 1 + i % 2) for i in range(12)])), **settings).train


def test_a_missing_package_says_what_to_install():
    with pytest.raises(ModuleNotFoundError, match=r"'no_such_package'.*pip install layerwise-knowledge\[text\]"):
        extra("no_such_package")


def test_a_published_tokenizer_from_a_folder(tmp_path, sentence_dir):
    from transformers import PreTrainedTokenizerFast

    own = trained(TEXTS, 60, 16)
    special = {
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "unk_token": "[UNK]",
    }
    PreTrainedTokenizerFast(tokenizer_object=own.backend, **special).save_pretrained(tmp_path / "tokenizer")
    loaded = published(str(tmp_path / "tokenizer"), 12)
    assert loaded.encode([["cat", "mat"]])[0] == trained(TEXTS, 60, 12).encode([["cat", "mat"]])[0]
    data = Sentences(str(sentence_dir), words=3, tokenizer=str(tmp_path / "tokenizer"), max_length=40)
    assert data.input_shape == (40,)
    with pytest.raises(ValueError, match=r"expected a name on the Hugging Face hub or a.*got tokenizer='"):
        published(str(tmp_path / "nowhere"), 12)
