import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.workbench import read_table

X = np.array([[1.5, -2.0], [3.25, 4.0], [5.0, 6.125]])
Y = np.array(["a", "b", "a"])
FRAME = pd.DataFrame({"height": X[:, 0], "width": X[:, 1], "kind": Y})


def write_npz(path, **held):
    np.savez(path, **held)


def write_jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


WRITERS = {
    "x.npy": lambda path: np.save(path, X),
    "x.npz": lambda path: write_npz(path, X=X),
    "x.safetensors": lambda path: save_file({"X": X}, path),
    "lists.jsonl": lambda path: write_jsonl(path, X.tolist()),
    "nameless.csv": lambda path: np.savetxt(path, X, delimiter=","),
    "counted.csv": lambda path: pd.DataFrame(X).to_csv(path, index=False),
    "x.csv": lambda path: FRAME.to_csv(path, index=False),
    "with_index.csv": lambda path: FRAME.to_csv(path),
    "semicolons.csv": lambda path: FRAME.to_csv(path, index=False, sep=";"),
    "bom.csv": lambda path: FRAME.to_csv(path, index=False, encoding="utf-8-sig"),
    "x.tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "x.parquet": FRAME.to_parquet,
    "objects.jsonl": lambda path: write_jsonl(path, FRAME.to_dict("records")),
    "vectors.jsonl": lambda path: write_jsonl(path, [{"text": "hm", "vector": row} for row in X.tolist()]),
    "vectors.parquet": lambda path: pd.DataFrame({"vector": X.tolist()}).to_parquet(path),
}

HEADED = {"x.csv", "with_index.csv", "semicolons.csv", "bom.csv", "x.tsv", "x.parquet", "objects.jsonl"}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(tmp_path, name):
    WRITERS[name](tmp_path / name)
    table = read_table(tmp_path / name)
    assert table.X.dtype == np.float64
    np.testing.assert_array_equal(table.X, X)
    assert table.columns == (("height", "width") if name in HEADED else ("0", "1"))


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        ("y.npy", lambda path: np.save(path, Y)),
        ("column.npy", lambda path: np.save(path, Y[:, None])),
        ("y.npz", lambda path: write_npz(path, y=Y)),
        ("y.csv", lambda path: pd.DataFrame({"kind": Y}).to_csv(path, index=False)),
        ("y.jsonl", lambda path: write_jsonl(path, [{"kind": y} for y in Y])),
        ("y.parquet", pd.DataFrame({"kind": Y}).to_parquet),
    ],
)
def test_labels_come_from_a_file_of_any_format(tmp_path, name, writer):
    writer(tmp_path / name)
    table = read_table(X, labels=str(tmp_path / name))
    assert table.labels.tolist() == Y.tolist()
    assert table.label_name == name


def test_one_array_of_several_is_taken_by_its_key(tmp_path):
    write_npz(tmp_path / "x.npz", train=X, test=X + 1)
    save_file({"train": X, "test": X + 1}, tmp_path / "x.safetensors")
    for name in ("x.npz", "x.safetensors"):
        np.testing.assert_array_equal(read_table(f"{tmp_path / name}:test").X, X + 1)
        with pytest.raises(InvalidInputError, match=r"2 arrays \(.*such as .*:t"):
            read_table(tmp_path / name)
        with pytest.raises(UnknownNameError, match="Did you mean train"):
            read_table(f"{tmp_path / name}:trian")
    FRAME.to_csv(tmp_path / "x.csv")
    assert read_table(X, labels=f"{tmp_path / 'x.csv'}:kind").labels.tolist() == Y.tolist()
    np.testing.assert_array_equal(read_table(f"{tmp_path / 'x.csv'}:width").X, X[:, 1:])


@pytest.mark.parametrize(("dtype", "kept"), [("float16", "float32"), ("float32", "float32"), ("int8", "float64")])
def test_small_floats_stay_small(dtype, kept):
    assert read_table(X.astype(dtype)).X.dtype == kept


def test_bfloat16_is_read(tmp_path):
    save_torch({"X": torch.tensor(X, dtype=torch.bfloat16)}, tmp_path / "x.safetensors")
    np.testing.assert_array_equal(read_table(tmp_path / "x.safetensors").X, X)


def test_a_column_serves_as_labels_and_is_no_feature():
    table = read_table(FRAME.assign(code=[7, 8, 7]), labels="code")
    assert table.columns == ("height", "width")
    assert table.labels.tolist() == [7, 8, 7]


def test_whole_numbers_stored_as_floats_are_classes():
    assert read_table(X, labels=[0.0, 1.0, 0.0]).labels.tolist() == [0, 1, 0]


def test_the_user_is_told_what_was_left_out():
    frame = FRAME.assign(id=[0, 1, 2], when=pd.Timestamp("2024-01-01"), flag=[True, False, True])
    table = read_table(frame)
    assert table.columns == ("height", "width", "flag")
    assert "height, width, flag" in table.notes[-2]
    assert "kind (text)" in table.notes[-1]
    assert "when (datetime64" in table.notes[-1]
    assert "id (it only counts the rows)" in table.notes[-1]


def test_a_few_stray_words_in_a_column_of_numbers_are_pointed_at():
    frame = pd.DataFrame({"a": range(20, 40), "b": [str(i) for i in range(12)] + ["?"] + ["1"] * 7})
    assert "b (1 of 20 cells are no numbers, the first is '?' in row 12)" in read_table(frame).notes[-1]


def test_names_of_rows_are_left_out(tmp_path):
    (tmp_path / "r.csv").write_text("height,width\nfirst,1,2\nsecond,3,4\n")
    table = read_table(tmp_path / "r.csv")
    assert table.X.tolist() == [[1, 2], [3, 4]]
    assert "left out as a name" in table.notes[0]


@given(arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 4)), elements=st.floats(-1e9, 1e9)))
@settings(max_examples=30, deadline=None)
def test_csv_keeps_every_digit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    pd.DataFrame(numbers).rename(columns="c{}".format).to_csv(path, index=False)
    np.testing.assert_array_equal(read_table(path).X, numbers)


def with_nan(row, column):
    spoilt = X.copy()
    spoilt[row, column] = np.nan
    return spoilt


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("missing.npy", "no file missing.npy"),
        (with_nan(1, 0), r"1 of 6 numbers .* missing \(NaN\), the first in row 1, column 0"),
        (with_nan(2, 1) * [1, np.inf], "missing or infinite"),
        (pd.DataFrame(with_nan(2, 1), columns=["a", "b"]), "row 2, column 'b'"),
        (np.empty((0, 3)), "is empty"),
        (np.empty((3, 0)), "is empty"),
        (pd.DataFrame({"a": []}), "is empty"),
        (np.arange(3.0), r"shape \(3,\); expected two dimensions.*reshape\(-1, 1\)"),
        (np.zeros((3, 4, 4)), r"reshape\(len\(X\), -1\)"),
        (X[:1], "1 row; expected at least two"),
        (X.astype(object), "dtype object; expected numbers"),
        (X.astype(str), "expected numbers"),
        (X.astype(complex), "expected numbers"),
        (np.zeros(3, dtype=[("a", float)]), "structured array"),
        ([[1.0], [2.0, 3.0]], "cannot be made an array"),
        (scipy.sparse.eye(3), "sparse"),
        (FRAME[["kind"]], r"no column of numbers; its columns are kind \(text\)"),
        (pd.DataFrame(X, columns=["a", "a"]), "two columns called 'a'"),
        (pd.DataFrame({"v": [[1.0, 2.0], [3.0]]}), "differ in length"),
        (pd.DataFrame({"v": [["a"], ["b"]]}), "lists of numbers"),
    ],
)
def test_data_that_are_no_table_of_numbers_are_refused(data, message):
    with pytest.raises(InvalidInputError, match=message):
        read_table(data)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "The labels .* are 2, but the given array has 3 rows"),
        ([[0, 1], [1, 0], [0, 0]], r"shape \(3, 2\); expected one label a row"),
        (["a", None, "b"], "1 of the 3 labels .* missing, the first in row 1"),
        ([0.0, np.nan, 1.0], "missing"),
        ("nowhere.npy", "no file nowhere.npy"),
        ("species", "no named columns and there is no file 'species'"),
        ([[0], [1, 2], [0]], "labels cannot be made an array"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(InvalidInputError, match=message):
        read_table(X, labels=labels)


def test_a_misspelt_label_column_gets_the_nearest_names():
    with pytest.raises(UnknownNameError, match="Did you mean kind"):
        read_table(FRAME, labels="kid")


def test_labels_in_a_table_of_several_columns_must_be_named(tmp_path):
    FRAME.to_csv(tmp_path / "y.csv", index=False)
    with pytest.raises(InvalidInputError, match=r"3 columns .*y\.csv:kind"):
        read_table(X, labels=str(tmp_path / "y.csv"))


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.endswith(("csv", "tsv"))])
def test_a_cut_file_is_refused(tmp_path, name):
    WRITERS[name](tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) - 7])
    with pytest.raises(InvalidInputError, match=rf"{name}.*(cut|damaged|ends)"):
        read_table(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.xlsx", b"PK", "known endings are npy, npz, csv"),
        ("x", b"1", "known endings"),
        ("x.npy", b"", "holds no bytes"),
        ("x.npy", b"1,2\n3,4\n", "not an npy file"),
        ("x.npz", b"\x93NUMPY", "x.npz"),
        ("x.csv", b"\n\n", "holds no line"),
        ("x.csv", b"\xff\xfe1,2", "not UTF-8"),
        ("x.csv", b"a,b\n1,2\n1,2,3\n", "x.csv could not be read"),
        ("x.csv", b"1,2\n3,4,5\n", "x.csv"),
        ("x.csv", b"a,b\n1,2\n3\n", "missing"),
        ("x.jsonl", b'{"a": 1}\n{"a": \n', "Line 2 .* is not JSON"),
        ("x.jsonl", b'{"a": 1}\n3\n', "Line 2 .* is int"),
        ("x.jsonl", b'{"a": 1}\n[3]\n', "all objects or all lists"),
        ("x.jsonl", b"[1, 2]\n[3]\n", "differ in length"),
        ("x.jsonl", b" \n", "holds no line"),
        ("x.parquet", b"not parquet at all", "could not be read as parquet"),
        ("x.safetensors", b"12345678901234567890", "could not be read as safetensors"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError, match=message):
        read_table(tmp_path / name)


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=np.array([{"a": 1}], dtype=object))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(InvalidInputError, match="would have to be unpickled"):
            read_table(tmp_path / name)


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(InvalidInputError, match="is a folder"):
        read_table(tmp_path)
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(InvalidInputError, match="without a name"):
        read_table(f"{tmp_path / 'x.npy'}:X")
