"""The census table in OpenML's form and in UCI's."""

import pandas as pd
import pytest
import torch

from lk.data import Census
from lk.data.census import census_rows

INPUTS = [
    "age",
    "workclass",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
]
# UCI's own lines: no header, a space behind each comma, ? for missing values; adult.test has a remark and full stops.
UCI_DATA = """\
39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, \
United-States, <=50K
54, ?, 180211, Some-college, 10, Married-civ-spouse, ?, Husband, Asian-Pac-Islander, Male, 0, 0, 60, South, >50K
31, Private, 45781, Masters, 14, Never-married, Prof-specialty, Not-in-family, White, Female, 14084, 0, 50, \
United-States, >50K

"""
UCI_TEST = "|1x3 Cross validator\n" + UCI_DATA.replace("K\n", "K.\n")


def test_openml_rows(writers):
    frame = writers.census()
    rows = census_rows(frame)
    assert list(rows) == [*INPUTS, "class"]
    assert len(rows) == 37  # rows 3, 8 and 11 miss a value
    assert rows.index.tolist() == list(range(37))
    assert rows["age"].tolist() == [20 + row for row in range(40) if row not in (3, 8, 11)]
    assert not rows.isna().any().any()
    assert rows["class"].unique().tolist() == [">50K", "<=50K"]
    assert len(frame) == 40
    assert "fnlwgt" in frame


@pytest.mark.parametrize(("name", "text"), [("adult.data", UCI_DATA), ("adult.test", UCI_TEST)])
def test_uci_files(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    rows = Census(path=str(tmp_path / name)).frame()
    assert list(rows) == [*INPUTS, "class"]
    assert rows["age"].tolist() == [39, 31]
    assert rows["workclass"].tolist() == ["State-gov", "Private"]
    assert rows["capital-gain"].tolist() == [2174, 14084]
    assert rows["class"].tolist() == ["<=50K", ">50K"]


def test_data_from_a_file(tmp_path, writers):
    writers.census().to_csv(tmp_path / "census.csv", index=False)
    data = Census(path=str(tmp_path / "census.csv"))
    assert data.name == "census"
    assert list(data.column_names) == INPUTS
    assert list(data.class_names) == ["<=50K", ">50K"]
    assert data.input_shape == (12,)
    assert len(data.train) + len(data.test) == 37
    # The label of a row is its sex and its education in this table: rows keep their labels, codes are alphabetical.
    assert torch.equal(data.train.x[:, INPUTS.index("sex")] < 0, data.train.y == 1)
    assert torch.equal(data.train.x[:, INPUTS.index("education-num")] > 0, data.train.y == 1)


def test_a_category_without_rows_is_no_class(writers):
    frame = writers.census()
    frame["class"] = frame["class"].cat.add_categories("unknown")
    assert census_rows(frame)["class"].astype("category").cat.categories.tolist() == ["<=50K", ">50K"]


def test_missing_columns():
    with pytest.raises(
        ValueError,
        match=r"expected the columns of OpenML's adult, version 2, got none of: workclass, .*native-country, class",
    ):
        census_rows(pd.DataFrame({"age": [1]}))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("adult.data", "nothing\n", r"adult\.data: expected rows without missing values, got none"),
        ("adult.data", "\xfc\n", r"adult\.data: expected text encoded as utf-8"),
        (
            "census.csv",
            "age,class\n1,2\n",
            "expected the columns of OpenML's adult, version 2, got none of: workclass, fnlwgt, education,",
        ),
        (
            "adult.data",
            UCI_DATA.replace(">50K", "rich"),
            "expected classes <=50K or >50K, got class='rich'",
        ),
    ],
    ids=["no table", "encoding", "columns", "class"],
)
def test_damaged_files_name_themselves(tmp_path, name, content, message):
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=message):
        _ = Census(path=str(tmp_path / name)).train


def test_rows_left_out_are_counted(tmp_path, writers):
    writers.census().to_csv(tmp_path / "census.csv", index=False)
    data = Census(path=str(tmp_path / "census.csv"))
    assert data.notes() == ["3 of 40 rows miss a value and are left out."]
    assert data.schema()["kind"].tolist().count("number") == 5


@pytest.mark.parametrize("name", ["adult.data", "census.csv"])
def test_missing_file(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=rf"got path='.*{name}'"):
        Census(path=str(tmp_path / name)).frame()


def test_without_a_network(tmp_path, monkeypatch):
    """The way out leads to a closed port."""
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(
        FileNotFoundError,
        match=r"expected the census table in.*got .*or set data\.init_args\.path to",
    ):
        _ = Census(data_dir=str(tmp_path)).train
