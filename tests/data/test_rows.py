"""Tables say what their columns are about; JSON lines and CSV say the same; wrong rows are named."""

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
from labelled import BOXES, CLASSES, PHRASES, STRICT, boxes, class_name, phrases
from PIL import Image

from vrft import types
from vrft.data.dataset import load_dataset
from vrft.errors import LabelError
from vrft.types import Record
from vrft.types.names import nfc

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
    return boxes(record) or phrases(record) or [class_name(record)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("rows", "needs", "says", "expected"),
    [
        ([{"image": "a.png", "target": "oak"}], None, CLASSES, ["oak"]),
        ([{"image": "a.png", "class": "oak; old, tall"}], None, CLASSES, ["oak; old, tall"]),
        ([{"image": "a.png", "label": "7"}], CLASSES, CLASSES, ["7"]),
        ([{"image": "a.png", "question": "Which?", "target": " oak "}], None, CLASSES, ["oak"]),
        ([{"image": "a.png", "category": "oak"}], None, CLASSES, ["oak"]),
        ([{"image": "a.png", "question": "q, r", "box": BOX}], None, PHRASES, [("q, r", (CORNERS,))]),
        ([{"image": "a.png", "question": "q", "boxes": [BOX]}], None, PHRASES, [("q", (CORNERS,))]),
        (
            [{"image": "a.png", "question": "q", "target": BOX}],
            PHRASES,
            PHRASES,
            [("q", (CORNERS,))],
        ),
        ([{"image": "a.png", "question": "q", "target": []}], PHRASES, PHRASES, [("q", ())]),
        ([{"image": "a.png", "question": "cup", "target": BOX}], BOXES, BOXES, [("cup", CORNERS)]),
        (
            [
                {"image": "a.png", "category": "cup", "target": [BOX, [0, 0, 40, 30]]},
                {"image": "a.png", "category": "cat", "target": [BOX]},
            ],
            None,
            BOXES,
            [("cup", CORNERS), ("cup", (0.0, 0.0, 40.0, 30.0)), ("cat", CORNERS)],
        ),
    ],
)
def test_columns_say_what_a_row_is_about(
    tmp_path: Path, make_image: Any, form: str, rows: Any, needs: Any, says: Any, expected: Any
) -> None:
    make_image("a.png")
    path = tmp_path / form
    path.write_text(FORMS[form](rows), "utf-8", newline="")
    for source in (tmp_path, path):
        dataset = load_dataset(source, needs)
        assert (dataset.format, dataset.provides) == ("rows", says)
        assert [labels(record) for record in dataset.records] == [expected]
        assert dataset.warnings == ()


@pytest.mark.parametrize("form", ["a.jsonl", "a.csv"])
def test_a_question_with_boxes_as_target_needs_the_task(tmp_path: Path, make_image: Any, form: str) -> None:
    make_image("a.png")
    rows = [{"image": "a.png", "question": "cup", "target": [BOX]}]
    (tmp_path / form).write_text(FORMS[form](rows))
    with pytest.raises(
        LabelError, match=r"\(for boxes of categories\) and rows \(for phrases with boxes\).*Name the task"
    ):
        load_dataset(tmp_path)
    with pytest.raises(LabelError, match="no labels for a class for each image"):
        load_dataset(tmp_path, CLASSES)


def test_detection_rows_say_what_is_absent(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
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


def test_parts_come_from_column_folder_or_file(tmp_path: Path, make_image: Any) -> None:
    for shade, name in enumerate(("a.png", "test/b.png", "c.png")):
        make_image(name, shade=shade)
    lines = "a.png,oak,val\ntest/b.png,oak,\nc.png,elm,\n"
    (tmp_path / "train.csv").write_text(f"image,class,split\n{lines}")
    dataset = load_dataset(tmp_path)
    assert dict(dataset.parts) == {"a.png": "val", "test/b.png": "test", "c.png": "train"}
    (tmp_path / "train.csv").write_text("image,class,split\na.png,oak,testA\n")
    (tmp_path / "other.csv").write_text("image,price\na.png,3\n")
    reported = load_dataset(tmp_path, CLASSES).warnings
    assert reported == (
        "Tables without a class for each image are not read: other.csv.",
        "Values of 'split' other than train, val and test are not used: testA.",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.png", "1 cells, the header 4"),
        ("a.png,q,[1 2 3 4],40,30", "5 cells, the header 4"),
        ("a.png,q,1 2 3 4,40", "'1 2 3 4' are not a list"),
        ('a.png,q,"[1, 2, 3]",40', "not four numbers"),
        ('a.png,q,"[[1, 2, 3, 4], 5]",40', "not four numbers"),
        ('a.png,q,"[9, 9, 5, 5]",40', "no area"),
        ('a.png,q,"[9, 9, 50, 50]",40', "outside its image"),
        ('a.png,,"[1, 2, 3, 4]",40', "no text under 'question'"),
        (',q,"[1, 2, 3, 4]",40', "no text under 'image'"),
        ("a.png,q,,40", "a question and no answer"),
        ('a.png,q,"[1, 2, 3, 4]",39', "labels are for 39"),
        ('b.png,q,"[1, 2, 3, 4]",40', "'b.png' is missing"),
        ('a.png,q,"[1, 2, 3, 4],40', "not CSV"),
    ],
)
def test_wrong_rows_are_refused_by_number(tmp_path: Path, make_image: Any, line: str, said: str) -> None:
    make_image("a.png")
    good = 'a.png,"two\nlines","[1, 2, 3, 4]",40\n\n'
    (tmp_path / "a.csv").write_text(f"image,question,target,width\n{good}{line}\n")
    if "39" in said:
        (tmp_path / "a.csv").write_text(f"image,question,target,width,height\n\n\n\n{line},30\n")
    with pytest.raises(LabelError, match=rf"(?s)a\.csv, line 5: .*{said}") as caught:
        load_dataset(tmp_path, PHRASES, options=STRICT)
    assert caught.value.fix


def test_one_class_a_image(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    (tmp_path / "a.csv").write_text("image,class\na.png,oak\na.png,elm\n")
    with pytest.raises(LabelError, match=r"a\.csv, line 3: .*Class: oak there, Class: elm here"):
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
        assert [text for text, _ in phrases(load_dataset(name).records[0])] == [
            *dict.fromkeys(map(nfc, questions))
        ]


VALUES: dict[str, tuple[dict[str, Any], tuple[str, str], str, types.Value]] = {
    "a count of a category": (
        {"category": "cup", "target": {"kind": "number", "number": 3}},
        ("category", "number"),
        "cup",
        types.Number(3.0),
    ),
    "an answer to a question": (
        {"question": "What is written?", "target": {"kind": "text", "text": "exit"}},
        ("question", "text"),
        "What is written?",
        types.Text("exit"),
    ),
    "points that a phrase means": (
        {"expression": "the cups", "target": {"kind": "points", "xy_px": [[1, 2], [40, 30]]}},
        ("phrase", "points"),
        "the cups",
        types.Points(((1.0, 2.0), (40.0, 30.0))),
    ),
    "the text of an image": (
        {"target": {"kind": "text", "text": "a cup"}},
        ("image", "text"),
        "",
        types.Text("a cup"),
    ),
    "the class of an image": (
        {"target": {"kind": "label", "name": "oak"}},
        ("image", "label"),
        "",
        types.Label("oak"),
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", VALUES)
def test_a_target_may_be_any_value(tmp_path: Path, make_image: Any, form: str, case: str) -> None:
    row, pair, name, value = VALUES[case]
    make_image("a.png")
    (tmp_path / form).write_text(FORMS[form]([{"image": "a.png", **row}]), "utf-8", newline="")
    dataset = load_dataset(tmp_path, {pair})
    assert dataset.provides == {pair}
    assert [(one.about, one.name, one.value) for one in dataset.records[0].annotations] == [
        (pair[0], name, value)
    ]


def test_boxes_may_be_written_as_a_value(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    target = {"kind": "boxes", "xyxy_px": [BOX, [0, 0, 40, 30]]}
    for row, needs, said in (
        ({"category": "cup"}, BOXES, [("cup", CORNERS), ("cup", (0.0, 0.0, 40.0, 30.0))]),
        ({"question": "cups"}, PHRASES, [("cups", (CORNERS, (0.0, 0.0, 40.0, 30.0)))]),
    ):
        (tmp_path / "a.jsonl").write_text(as_json([{"image": "a.png", **row, "target": target}]))
        assert labels(load_dataset(tmp_path, needs).records[0]) == said


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"kind": "number"}, "number"),
        ({"kind": "number", "number": "many"}, "number"),
        ({"kind": "number", "number": 3, "smell": 1}, "smell"),
        ({"kind": "text", "text": "three"}, "of kind 'text', where 'number' is expected"),
        ({"kind": "points", "xy_px": [[41, 2]]}, "outside its image of 40x30"),
        ({"kind": "smell"}, "no kind 'smell'"),
        ("oak", "no number under 'target'"),
    ],
)
def test_wrong_values_are_refused_by_number(tmp_path: Path, make_image: Any, target: Any, said: str) -> None:
    make_image("a.png")
    kind = target["kind"] if isinstance(target, dict) and target["kind"] == "points" else "number"
    good = {"kind": "points", "xy_px": []} if kind == "points" else {"kind": "number", "number": 1}
    rows = [{"image": "a.png", "category": "cup", "target": one} for one in (good, target)]
    (tmp_path / "a.jsonl").write_text(as_json(rows))
    with pytest.raises(LabelError, match=rf"(?s)a\.jsonl, line 2: .*{said}"):
        load_dataset(tmp_path, {("category", kind)})
