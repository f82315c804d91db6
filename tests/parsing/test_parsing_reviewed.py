"""Real outputs of many models are read as a careful reader reads them, number for number."""

import re
from collections import Counter

import pytest
from answer_parts import boxes_of, name_of
from reviewed import ROWS

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_corners_answer, parse_label_answer
from vrft.tasks.parsing.content_reading import read_answer
from vrft.types import Answer, CoordinateFrame, Fault, Form

FRAME = CoordinateFrame.whole("norm1000", (1000, 1000), (1000, 1000))
BOXES = [row for row in ROWS if row["kind"] != "label"]
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def by_id(rows):
    return [pytest.param(row, id=row["id"]) for row in rows]


def parse(row) -> Answer:
    if row["kind"] == "label":
        return parse_label_answer(row["text"], Form.THINK)
    parsers = {"boxes": parse_boxes_answer, "corners": parse_corners_answer}
    return parsers[row["kind"]](row["text"], FRAME, Form.THINK)


def test_the_table_covers_the_families_and_says_where_each_row_is_from():
    assert 150 <= len(ROWS) <= 200 and len({row["id"] for row in ROWS}) == len(ROWS)
    assert len(Counter(row["family"] for row in ROWS)) == 14
    assert all(row["source"] and row["licence"] for row in ROWS)
    assert sum(len(row["boxes"]) > 0 for row in ROWS) > 100 and sum(row["abstained"] for row in ROWS) > 20


@pytest.mark.parametrize("row", by_id(BOXES))
def test_boxes_points_and_abstentions_are_those_that_are_written(row):
    written = read_answer(row["text"])
    boxes = [
        {
            "numbers": list(box.numbers),
            "order": str(box.order),
            "confidence": box.confidence,
            "label": box.label,
        }
        for box in written.boxes
    ]
    assert boxes == row["boxes"]
    assert [list(point.numbers) for point in written.points] == row["points"]
    assert written.abstained == row["abstained"]


@pytest.mark.parametrize("row", by_id(ROWS))
def test_faults_and_form_are_those_that_a_reader_sees(row):
    answer = parse(row)
    assert {Fault(name) for name in row["faults"]} <= set(answer.faults)
    if row["formatted"] is not None:
        assert answer.formatted == row["formatted"], answer.faults
    if row["kind"] == "label":
        assert name_of(answer) == row["label"]


@pytest.mark.parametrize("row", by_id(BOXES))
def test_no_number_is_read_that_is_not_in_the_text(row):
    there = {float(number) for number in NUMBER.findall(row["text"].lower())}
    there |= {-number for number in there}
    written = read_answer(row["text"])
    for box in written.boxes:
        assert set(box.numbers) <= there
        assert box.confidence is None or box.confidence in there
    assert {number for point in written.points for number in point.numbers} <= there
    # At a scale of one to one the same holds of the pixels.
    answer = parse_boxes_answer(row["text"], FRAME, Form.THINK)
    assert {number for box in boxes_of(answer) for number in box} <= there
