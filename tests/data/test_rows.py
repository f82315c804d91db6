"""Tables serve the task that their columns tell of; JSON lines and CSV say the same; wrong rows are named."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vrft.data.dataset import load_dataset
from vrft.errors import LabelError
from vrft.types import Record

BOX = [1, 2, 3.5, 4]
CORNERS = (1.0, 2.0, 3.5, 4.0)


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter)
    writer.writeheader()
    cells = [{k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows]
    writer.writerows(cells)
    return text.getvalue()


def as_json(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


FORMS: dict[str, Any] = {
    "a.jsonl": as_json,
    "a.csv": as_csv,
    "semicolon.csv": lambda rows: as_csv(rows, ";"),
    "a.tsv": lambda rows: as_csv(rows, "\t"),
    "excel.csv": lambda rows: "\ufeff" + as_csv(rows, ";"),
}


def labels(record: Record) -> list[Any]:
    boxes = [(box.category, box.box_xyxy_px) for box in record.boxes]
    said = [(expression.text, expression.boxes_xyxy_px) for expression in record.expressions]
    return boxes or said or [record.category]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("rows", "task", "read_as", "expected"),
    [
        ([{"image": "a.png", "target": "oak"}], None, "class_rows", ["oak"]),
        ([{"image": "a.png", "class": "oak; old, tall"}], None, "class_rows", ["oak; old, tall"]),
        ([{"image": "a.png", "label": "7"}], "classification", "class_rows", ["7"]),
        ([{"image": "a.png", "question": "Which?", "target": " oak "}], None, "class_rows", ["oak"]),
        ([{"image": "a.png", "category": "oak"}], None, "class_rows", ["oak"]),
        ([{"image": "a.png", "question": "q, r", "box": BOX}], None, "expressions", [("q, r", (CORNERS,))]),
        ([{"image": "a.png", "question": "q", "boxes": [BOX]}], None, "expressions", [("q", (CORNERS,))]),
        (
            [{"image": "a.png", "question": "q", "target": BOX}],
            "grounding",
            "expressions",
            [("q", (CORNERS,))],
        ),
        ([{"image": "a.png", "question": "q", "target": []}], "grounding", "expressions", [("q", ())]),
        ([{"image": "a.png", "question": "cup", "target": BOX}], "detection", "box_rows", [("cup", CORNERS)]),
        (
            [
                {"image": "a.png", "category": "cup", "target": [BOX, [0, 0, 40, 30]]},
                {"image": "a.png", "category": "cat", "target": [BOX]},
            ],
            None,
            "box_rows",
            [("cup", CORNERS), ("cup", (0.0, 0.0, 40.0, 30.0)), ("cat", CORNERS)],
        ),
    ],
)
def test_columns_tell_the_task(
    tmp_path: Path, make_picture: Any, form: str, rows: Any, task: str | None, read_as: str, expected: Any
) -> None:
    make_picture("a.png")
    path = tmp_path / form
    path.write_text(FORMS[form](rows), "utf-8", newline="")
    for source in (tmp_path, path):
        dataset = load_dataset(source, task)
        assert dataset.format == read_as
        assert [labels(record) for record in dataset.records] == [expected]
        assert dataset.warnings == ()


@pytest.mark.parametrize("form", ["a.jsonl", "a.csv"])
def test_a_question_with_boxes_as_target_needs_the_task(tmp_path: Path, make_picture: Any, form: str) -> None:
    make_picture("a.png")
    rows = [{"image": "a.png", "question": "cup", "target": [BOX]}]
    (tmp_path / form).write_text(FORMS[form](rows))
    with pytest.raises(LabelError, match=r"box_rows .*and expressions .*Say which task"):
        load_dataset(tmp_path)
    with pytest.raises(LabelError, match="no labels for classification"):
        load_dataset(tmp_path, "classification")


def test_detection_rows_say_what_is_absent(tmp_path: Path, make_picture: Any) -> None:
    make_picture("a.png")
    make_picture("b.png", shade=1)
    rows = [
        {"image": "a.png", "category": "cup", "target": [BOX]},
        {"image": "a.png", "category": "cat", "target": []},
        {"image": "b.png", "category": "cup", "target": [BOX]},
    ]
    (tmp_path / "a.jsonl").write_text(as_json(rows))
    assert [record.absent for record in load_dataset(tmp_path).records] == [("cat",), ()]
    rows.append({"image": "a.png", "category": "cup", "target": []})
    (tmp_path / "a.jsonl").write_text(as_json(rows))
    with pytest.raises(LabelError, match=r"a\.jsonl, line 4: .*boxes of 'cup' in one row and none"):
        load_dataset(tmp_path)


def test_parts_come_from_column_folder_or_file(tmp_path: Path, make_picture: Any) -> None:
    for shade, name in enumerate(("a.png", "test/b.png", "c.png")):
        make_picture(name, shade=shade)
    lines = "a.png,oak,val\ntest/b.png,oak,\nc.png,elm,\n"
    (tmp_path / "train.csv").write_text(f"image,class,split\n{lines}")
    dataset = load_dataset(tmp_path)
    assert dict(dataset.parts) == {"a.png": "val", "test/b.png": "test", "c.png": "train"}
    (tmp_path / "train.csv").write_text("image,class,split\na.png,oak,testA\n")
    (tmp_path / "other.csv").write_text("image,price\na.png,3\n")
    told = load_dataset(tmp_path, "classification").warnings
    assert told == (
        "Tables without labels for classification are not read: other.csv.",
        "Values of 'split' that name no part: testA.",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.png", "1 cells, the header 4"),
        ("a.png,q,[1 2 3 4],40,30", "5 cells, the header 4"),
        ("a.png,q,1 2 3 4,40", "'1 2 3 4' are no list"),
        ('a.png,q,"[1, 2, 3]",40', "not four numbers"),
        ('a.png,q,"[[1, 2, 3, 4], 5]",40', "not four numbers"),
        ('a.png,q,"[9, 9, 5, 5]",40', "no area"),
        ('a.png,q,"[9, 9, 50, 50]",40', "outside its picture"),
        ('a.png,,"[1, 2, 3, 4]",40', "no text for 'question'"),
        (',q,"[1, 2, 3, 4]",40', "no text for 'image'"),
        ("a.png,q,,40", "no 'box'"),
        ('a.png,q,"[1, 2, 3, 4]",39', "labels are for 39"),
        ('b.png,q,"[1, 2, 3, 4]",40', "'b.png' is missing"),
        ('a.png,q,"[1, 2, 3, 4],40', "no CSV"),
    ],
)
def test_wrong_rows_are_refused_by_number(tmp_path: Path, make_picture: Any, line: str, said: str) -> None:
    make_picture("a.png")
    good = 'a.png,"two\nlines","[1, 2, 3, 4]",40\n\n'
    (tmp_path / "a.csv").write_text(f"image,question,target,width\n{good}{line}\n")
    if "39" in said:
        (tmp_path / "a.csv").write_text(f"image,question,target,width,height\n\n\n\n{line},30\n")
    with pytest.raises(LabelError, match=rf"(?s)a\.csv, line 5: .*{said}") as caught:
        load_dataset(tmp_path, "grounding")
    assert caught.value.mend


def test_one_class_a_picture(tmp_path: Path, make_picture: Any) -> None:
    make_picture("a.png")
    (tmp_path / "a.csv").write_text("image,class\na.png,oak\na.png,elm\n")
    with pytest.raises(LabelError, match=r"a\.csv, line 3: .*already, with the class 'oak'"):
        load_dataset(tmp_path)
    (tmp_path / "a.csv").write_bytes("image,class\na.png,Gerät\n".encode("cp1252"))
    with pytest.raises(LabelError, match=r"a\.csv: .*UTF-8"):
        load_dataset(tmp_path)


texts = st.text(min_size=1, max_size=15).map(str.strip).filter(lambda t: bool(t) and t[0] != "[")
clean = texts.filter(lambda t: "\0" not in t and "\r" not in t and t.isascii() | t.isprintable())


@settings(max_examples=60)
@given(st.lists(clean, min_size=1, max_size=4), st.sampled_from(",;\t"))
def test_csv_as_the_standard_writer_has_it_is_read_back(questions: list[str], delimiter: str) -> None:
    with TemporaryDirectory() as name:
        Image.new("RGB", (40, 30)).save(Path(name) / "a.png")
        rows = [{"image": "a.png", "question": text, "box": BOX} for text in questions]
        (Path(name) / "a.csv").write_text(as_csv(rows, delimiter), "utf-8", newline="")
        read = load_dataset(name).records[0].expressions
        assert [expression.text for expression in read] == questions
