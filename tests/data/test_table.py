"""Tables of real people: what is read by value, what is refused with its remedy, what is shown of both."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
import torch

from lk.cli import main, train
from lk.data import Table
from lk.data.columns import is_row_number
from lk.data.table_file import check_size

ROWS = 200


@pytest.fixture
def frame():
    generator = np.random.default_rng(0)
    height, width = generator.normal(5, 3, ROWS).round(3), generator.normal(0, 1, ROWS).round(3)
    return pd.DataFrame({"height": height, "width": width, "kind": np.where(height > 5, "tall", "low")})


def write(frame, path, **how):
    if path.suffix == ".parquet":
        frame.to_parquet(path, **{"index": False, **how})
    else:
        frame.to_csv(path, **{"index": False, "sep": "\t" if path.suffix == ".tsv" else ",", **how})
    return str(path)


def read(path, **settings):
    return Table(path, **{"label": "kind", "samples_per_class": 1, **settings})


def column(data, name):
    """A column as it enters the network, both splits, sorted: standardising keeps order and proportions."""
    place = list(data.column_names).index(name)
    return torch.cat([data.train.x, data.test.x])[:, place].sort().values.numpy()


def is_read_by_value(data, name, values):
    return np.corrcoef(column(data, name), np.sort(np.asarray(values, dtype=float)))[0, 1] > 0.999999


# ---- numbers in text
def with_commas(frame):
    return frame.assign(
        **{name: frame[name].map(lambda value: str(value).replace(".", ",")) for name in ("height", "width")}
    )


def with_a_word(frame):
    return frame.assign(width=frame.width.map(str).where(frame.index != 7, "n.d."))


@pytest.mark.parametrize(
    ("change", "name", "message", "settings"),
    [
        (with_commas, "rows.tsv", r"such as '-0,\d+'\. Set data.init_args.decimal to ',', or", {"decimal": ","}),
        (with_commas, "rows.parquet", r"Set data.init_args.decimal to ',', or", {"decimal": ","}),
        (
            with_a_word,
            "rows.csv",
            r"but 'n.d.' in row 8\. Set data.init_args.missing to \['n.d.'\]",
            {"missing": ["n.d."]},
        ),
        (
            with_a_word,
            "rows.parquet",
            r"but 'n.d.' in row 8\. Set data.init_args.missing to \['n.d.'\]",
            {"missing": ["n.d."]},
        ),
        (
            lambda f: with_commas(with_a_word(f)).assign(width=lambda f: f.width.replace("n,d,", "n.d.")),
            "rows.tsv",
            r"Set data.init_args.decimal to ','",
            {"decimal": ",", "missing": ["n.d."]},
        ),
    ],
    ids=["commas", "commas in Parquet", "a word", "a word in Parquet", "both"],
)
def test_numbers_in_text_are_refused_and_read_by_the_remedy(tmp_path, frame, change, name, message, settings):
    path = write(change(frame), tmp_path / name)
    with pytest.raises(
        ValueError, match=rf"{name}, column '\w+': expected numbers or categories, got text that is numbers .*{message}"
    ):
        _ = read(path).train
    kept = frame.drop(index=7) if "missing" in settings else frame
    data = read(path, **settings)
    assert is_read_by_value(data, "width", kept.width)
    assert data.notes() == ([f"1 of {ROWS} rows miss a value and are left out."] if "missing" in settings else [])


@pytest.mark.parametrize("kind", ["category", "drop"])
def test_numbers_in_text_may_be_called_categories_or_dropped(tmp_path, frame, kind):
    data = read(write(with_a_word(frame), tmp_path / "rows.csv"), columns={"width": kind})
    assert list(data.column_names) == (["height", "width"] if kind == "category" else ["height"])
    assert data.notes() == ([] if kind == "category" else ["Columns left out: width."])


def test_a_cell_that_is_no_number_is_named(tmp_path, frame):
    with pytest.raises(
        ValueError, match=r"column 'width': expected numbers with the decimal mark '\.', got 'n.d.' in row 8\. Write"
    ):
        _ = read(write(with_a_word(frame), tmp_path / "rows.csv"), columns={"width": "number"}).train


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-01-31", "2023-02-28"],
        ["01/31/2024", "12/01/2023"],
        ["12:30", "9:15"],
        ["$5", "$12"],
        ["1'000", "20"],
        ["20-29", "5-19"],
    ],
    ids=["dates", "American dates", "times", "dollars", "thousands", "ranges"],
)
def test_figures_that_are_no_numbers_are_refused(tmp_path, frame, texts):
    path = write(frame.assign(width=np.resize(texts, ROWS)), tmp_path / "rows.csv")
    with pytest.raises(
        ValueError,
        match=r"text that is numbers for the most part.*or set data.init_args.columns to \{'width': category\}",
    ):
        _ = read(path).train
    assert len(set(column(read(path, columns={"width": "category"}), "width").tolist())) == 2


def test_numbers_with_units_are_refused_where_the_alphabet_has_another_order(tmp_path, frame):
    path = write(frame.assign(width=np.resize(["5 kg", "10 kg", "20 kg"], ROWS)), tmp_path / "rows.csv")
    with pytest.raises(
        ValueError, match=r"got text that begins with numbers, such as '10 kg', in another order than the alphabet's"
    ):
        _ = read(path).train
    ordered = write(frame.assign(width=np.resize(["1st", "2nd", "3rd"], ROWS)), tmp_path / "rows.csv")
    assert read(ordered).schema()["kind"].tolist() == ["number", "category", "label"]


def test_typed_values_are_read_by_value(tmp_path, frame):
    days = np.random.default_rng(1).integers(-9000, 9000, ROWS)
    dates = [datetime.date(1970, 1, 1) + datetime.timedelta(days=int(day)) for day in days]
    typed = frame.assign(
        exact=[decimal.Decimal(f"{value:.3f}") ** 3 for value in frame.width],
        date=dates,
        moment=pd.to_datetime(dates).tz_localize("UTC"),
        duration=pd.to_timedelta(days, unit="D"),
        number=pd.Categorical(frame.height),
        truth=frame.height > 5,
        small=frame.width.astype("float32"),
        nullable=pd.array(days, dtype="Int64"),
    )
    data = read(write(typed, tmp_path / "rows.parquet"))
    assert data.schema().set_index("column")["kind"][:-1].eq("number").all()
    for name, values in {
        "date": days,
        "moment": days,
        "duration": days,
        "nullable": days,
        "number": frame.height,
    }.items():
        assert is_read_by_value(data, name, values)
    assert is_read_by_value(data, "exact", frame.width**3)
    assert is_read_by_value(data, "truth", frame.height > 5)


# ---- names of rows
@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("every", [1, 3], ids=["all rows", "every third row"])
def test_row_numbers_are_refused(tmp_path, frame, ending, every):
    """Rows sorted by class: such a column alone would tell the class."""
    numbered = frame.sort_values("kind").reset_index(drop=True).rename_axis("id").reset_index()[::every]
    path = write(numbered, tmp_path / f"rows.{ending}")
    with pytest.raises(
        ValueError, match=r"column 'id': expected a quantity, .*Set data.init_args.columns to \{'id': drop\}, or"
    ):
        _ = read(path).train
    assert list(read(path, columns={"id": "drop"}).column_names) == ["height", "width"]
    assert list(read(path, columns={"id": "number"}).column_names) == ["id", "height", "width"]


def test_an_index_without_a_name_is_refused(tmp_path, frame):
    path = write(frame, tmp_path / "rows.csv", index=True)
    with pytest.raises(
        ValueError, match=r"expected a name for each column, got none for column 1: .*\{'Unnamed: 0': drop\}"
    ):
        _ = read(path).train
    assert list(read(path, columns={"Unnamed: 0": "drop"}).column_names) == ["height", "width"]


def test_the_index_of_a_parquet_file(tmp_path, frame):
    shuffled = frame.sample(frac=1, random_state=0)
    assert list(read(write(shuffled, tmp_path / "a.parquet", index=True)).column_names) == ["height", "width"]
    named = shuffled.set_index("width")  # a column that pandas makes the index again when it reads the file
    assert list(read(write(named, tmp_path / "b.parquet", index=True)).column_names) == ["width", "height"]


def test_texts_that_name_rows_are_refused(tmp_path, frame):
    path = write(frame.assign(code=[f"A{row:05d}" for row in range(ROWS)]), tmp_path / "rows.csv")
    with pytest.raises(
        ValueError, match=rf"column 'code': expected categories, got {ROWS} different texts .*\{{'code': drop\}}"
    ):
        _ = read(path).train


def test_what_counts_rows():
    generator = np.random.default_rng(0)
    assert is_row_number(generator.permutation(50).astype(float))
    assert not is_row_number(generator.integers(0, 50, 50).astype(float))
    assert not is_row_number(np.arange(50) + 0.5)
    assert not is_row_number(generator.permutation(50) * 3.0)


# ---- header and file
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("height,kind\n0,1.5,low\n1,2.5,tall\n", "as many cells in each row as names in its header"),
        ("height,width,kind\n1,2,low\n1,2,3,4,tall\n", r"ParserError: .*Expected 3 fields in line 3, saw 5"),
        ("height,kind,kind\n1,low,low\n2,tall,tall\n", "expected columns of different names, got 'kind' twice"),
        ("height,kind\n", "got a table without rows"),
        ("", "EmptyDataError"),
    ],
    ids=["a name missing", "cells too many", "one name twice", "no rows", "empty"],
)
def test_text_files_of_another_form(tmp_path, text, message):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"rows\.csv: .*{message}"):
        _ = read(str(tmp_path / "rows.csv")).train


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings(tmp_path, frame, encoding):
    path = write(frame.assign(farbe=np.where(frame.width > 0, "grün", "rot")), tmp_path / "rows.csv", encoding=encoding)
    with pytest.raises(
        ValueError,
        match=r"rows\.csv: expected text encoded as utf-8, got the byte 0x.. at byte \d+\. Set data.init_args.enc",
    ):
        _ = read(path).train
    assert "grün 0" in str(read(path, encoding=encoding).schema()["read as"].tolist())
    with pytest.raises(ValueError, match="expected an encoding that Python knows, got encoding='klingon'"):
        read(path, encoding="klingon")


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_semicolons_are_split_at_and_a_byte_order_mark_is_no_name(tmp_path, frame, bom):
    path = tmp_path / "rows.csv"
    write(frame, path, sep=";", decimal=",")
    path.write_bytes(bom + path.read_bytes())
    with pytest.raises(ValueError, match=r"column 'height': .*Set data.init_args.decimal to ','"):
        _ = read(str(path)).train
    assert is_read_by_value(read(str(path), decimal=","), "height", frame.height)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 500])
def test_damaged_parquet_names_the_file(tmp_path, content):
    (tmp_path / "rows.parquet").write_bytes(content)
    with pytest.raises(ValueError, match=r"rows\.parquet: expected a Parquet file, got \w+: "):
        _ = read(str(tmp_path / "rows.parquet")).train


def test_parquet_that_unfolds_is_refused_before_it_is_read(tmp_path):
    rows = 30_000_000
    import pyarrow as pa
    import pyarrow.parquet as pq

    half = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int8)), pa.array(["low"]))
    pq.write_table(pa.table({"x": half, "kind": half}), tmp_path / "rows.parquet")
    assert (tmp_path / "rows.parquet").stat().st_size < 1e6
    with pytest.raises(ValueError, match=r"rows\.parquet: expected (at least one bit for each row|a table that fits)"):
        _ = read(str(tmp_path / "rows.parquet")).train
    with pytest.raises(
        ValueError,
        match=r"expected a table that fits the memory, got 1,000,000,000,000 rows of 3 columns, .*Use fewer rows",
    ):
        check_size(tmp_path / "rows.parquet", 10**12, 3)


# ---- values
@pytest.mark.parametrize("row", [0, 3, 7])
@pytest.mark.parametrize("value", [1e308, -1e308, 1e15])
def test_a_value_that_erases_its_column_is_refused(tmp_path, frame, row, value):
    """In either split: the outcome must not hang on the draw."""
    frame.loc[row, "width"] = value
    path = write(frame, tmp_path / "rows.csv")
    with pytest.raises(
        ValueError,
        match=rf"column 'width': expected values of one scale, got {value:g} in row {row + 1}, ".replace("+", r"\+"),
    ):
        _ = read(path).train
    data = read(path, missing=[f"{value:g}"])
    assert len(np.unique(column(data, "width"))) > 0.9 * frame.width.nunique()


def test_sums_that_overflow_are_refused(tmp_path, frame):
    frame.loc[[3, 4], "width"] = 1.5e308
    with pytest.raises(ValueError, match=r"expected values of one scale, got 1.5e\+308 in row 4"):
        _ = read(write(frame, tmp_path / "rows.csv")).train


def test_heavy_tails_are_read(tmp_path, frame):
    frame["width"] = np.exp(np.random.default_rng(0).normal(0, 3, ROWS))
    assert len(read(write(frame, tmp_path / "rows.csv")).train) == 0.8 * ROWS


def test_whole_numbers_beyond_float64(tmp_path, frame):
    path = write(frame.assign(width=2**53 + np.arange(ROWS) * 3), tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=r"column 'width': expected whole numbers up to 2\^53, got \d+ in row 2"):
        _ = read(path).train


def test_cells_that_are_neither(tmp_path, frame):
    path = write(frame.assign(width=[[1, 2]] * ROWS), tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match=r"rows\.parquet, column 'width': expected numbers or text, got"):
        _ = read(path).train


def test_missing_values_are_counted_and_left_out_only_where_it_is_said(tmp_path, frame):
    frame.loc[[2, 5], "width"] = np.nan
    path = write(frame, tmp_path / "rows.csv")
    with pytest.raises(
        ValueError,
        match=r"got some in: width \(2\), first in row 3\. .*set data.init_args.missing to \[\]",
    ):
        _ = read(path).train
    data = read(path, missing=[])
    assert data.notes() == [f"2 of {ROWS} rows miss a value and are left out."]
    assert data.schema().set_index("column")["missing"].to_dict() == {"height": 0, "width": 2, "kind": 0}


def test_categories_are_taken_as_they_are_written(tmp_path, frame):
    """pandas takes NA and None for missing values, and 007 for 7."""
    path = write(
        frame.assign(alley=np.resize(["NA", "None", "paved"], ROWS), code=np.resize(["007", "7"], ROWS)),
        tmp_path / "rows.csv",
    )
    with pytest.raises(
        ValueError,
        match=r"got some in: alley \(134\), .*set data.init_args.columns to \{'alley': category\} if they are",
    ):
        _ = read(path).train
    data = read(path, columns={"alley": "category", "code": "category"})
    assert data.schema().set_index("column").loc[["alley", "code"], "read as"].tolist() == [
        "NA 0, None 1, paved 2",
        "007 0, 7 1",
    ]
    assert data.notes() == []


# ---- labels
def test_categories_without_rows_are_no_classes(tmp_path, frame):
    path = write(frame.assign(kind=pd.Categorical(frame.kind, ["tall", "low", "never"])), tmp_path / "rows.parquet")
    data = read(path)
    assert data.num_classes == 2
    assert list(data.class_names) == ["tall", "low"]


def test_classes_too_small_for_a_test_split(tmp_path, frame):
    small = frame.assign(kind=["a"] * (ROWS - 6) + ["b", "b", "c", "c", "d", "d"])
    with pytest.raises(
        ValueError, match=r"expected rows of every class in the test split, got none of: .*Add rows of these classes"
    ) as error:
        _ = read(write(small, tmp_path / "rows.csv")).explained
    assert "samples_per_class" not in str(error.value)


def test_fewer_samples_than_asked_for(tmp_path, frame):
    small = frame.assign(kind=["a"] * (ROWS - 10) + ["b"] * 10)
    with pytest.raises(
        ValueError,
        match=r"got samples_per_class=5 and fewer of: b\. Lower samples_per_class to 2\.",
    ):
        _ = read(write(small, tmp_path / "rows.csv"), samples_per_class=5).explained


def test_a_quantity_is_no_label(tmp_path, frame):
    with pytest.raises(ValueError, match=r"label 'height': expected classes, got \d+ different values in 200 rows"):
        _ = read(write(frame, tmp_path / "rows.csv"), label="height").train


@pytest.mark.parametrize("name", ["kind", "colour"])
def test_names_that_differ_in_white_space(tmp_path, frame, name):
    texts = np.resize(["red", "red ", "blue"], ROWS)
    with pytest.raises(
        ValueError, match=rf"{name}': expected names that differ in more than white space, got 'red' and 'red '"
    ):
        _ = read(write(frame.assign(**{name: texts}), tmp_path / "rows.csv")).train


# ---- settings and what is shown
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"columns": {"widht": "drop"}},
            r"expected input columns in data.init_args.columns, got 'widht'\. Did you mean 'width'",
        ),
        ({"columns": {"kind": "drop"}}, "got 'kind'"),
        ({"columns": {"width": "numbr"}}, "Did you mean 'number'"),
        ({"decimal": ";"}, r"expected decimal in \['\.', ','\], got decimal=';'"),
    ],
)
def test_settings(tmp_path, frame, settings, message):
    with pytest.raises(ValueError, match=message):
        _ = read(write(frame, tmp_path / "rows.csv"), **settings).train


def test_the_schema_says_how_each_column_was_read(tmp_path, frame):
    frame = frame.assign(colour=np.resize(["red", "blue"], ROWS), same=7)
    data = read(write(frame, tmp_path / "rows.csv"))
    schema = data.schema().set_index("column")
    assert schema["kind"].to_dict() == {
        "height": "number",
        "width": "number",
        "colour": "category",
        "same": "number",
        "kind": "label",
    }
    assert schema.loc["colour", ["distinct", "missing", "example", "read as"]].tolist() == [
        2,
        0,
        "red",
        "blue 0, red 1",
    ]
    assert schema["read as"].tolist() == [
        "by value",
        "by value",
        "blue 0, red 1",
        "constant",
        f"low ({(frame.kind == 'low').sum()} rows), tall ({(frame.kind == 'tall').sum()} rows)",
    ]
    lines = data.describe().splitlines()
    assert lines[0] == "Data rows: 160 training and 40 test samples of 2 classes (low, tall)."
    assert len(lines) == 7
    assert data.facts()["column"].tolist() == list(schema.index)
    assert data.facts()["distinct"].tolist() == list(map(str, schema["distinct"]))
    assert all(len(line) <= 80 for line in lines)


# ---- the command
RUN = """
data: {class_path: lk.data.Table, init_args: {path: PATH, label: kind, samples_per_class: 1}}
model: {network: {class_path: lk.networks.MLP, init_args: {widths: [4]}}}
optimizer: {class_path: torch.optim.Adam}
trainer:
  {accelerator: cpu, max_epochs: 1, enable_model_summary: false, enable_progress_bar: false, num_sanity_val_steps: 0}
"""


def test_training_prints_the_schema_and_the_page_keeps_it(tmp_path, frame, capsys, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    frame.loc[3, "width"] = np.nan
    path = write(frame.assign(colour=np.resize(["red", "blue"], ROWS)), tmp_path / "rows.csv", index=True)
    (tmp_path / "run.yaml").write_text(RUN.replace("PATH", path))
    command = ["fit", "--config", str(tmp_path / "run.yaml"), "--runs_dir", str(tmp_path / "runs"), "--id", "mine"]
    with pytest.raises(SystemExit, match="2"):
        main(lambda: train(command))
    assert "error: " in (printed := capsys.readouterr().err)
    assert "Traceback" not in printed
    train([*command, "--data.init_args.columns", "{'Unnamed: 0': drop}", "--data.init_args.missing", "[]"])
    printed = capsys.readouterr().err
    assert "Data rows: 159 training and 40 test samples of 2 classes (low, tall)." in printed
    assert "blue 0, red 1" in printed
    page = (tmp_path / "runs" / "mine" / "report.html").read_text()
    for shown in (
        "How each column of the data was read.",
        "blue 0, red 1",
        f"1 of {ROWS} rows miss a value and are left out.",
    ):
        assert shown in page
