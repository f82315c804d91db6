"""Every notation that models write, read without an image; only the demanded ones have the form."""

import pytest
from answer_parts import boxes_of, labels_of, points_of, scores_of

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_corners_answer
from vrft.tasks.parsing.content_reading import read_content
from vrft.tasks.parsing.raw_answer import Order, RawBox, RawPoint
from vrft.types import CoordinateFrame, Fault, Form

FRAME = CoordinateFrame.whole("norm1000", (1000, 500), (500, 250))
N = (1.0, 2.0, 30.0, 40.0)
M = (5.0, 6.0, 70.0, 80.0)
ONE_BOX = {
    "gemini": ('[{"box_2d": [1, 2, 30, 40], "label": "dog"}]', RawBox(N, Order.YXYX, None, "dog")),
    "qwen2": (
        "<|object_ref_start|>dog<|object_ref_end|><|box_start|>(1,2),(30,40)<|box_end|>",
        RawBox(N, label="dog"),
    ),
    "internvl": ("<ref>dog</ref><box>[[1, 2, 30, 40]]</box>", RawBox(N, label="dog")),
    "minicpm": ("<ref>dog</ref><box>1 2 30 40</box>", RawBox(N, label="dog")),
    "deepseek": ("<|ref|>dog<|/ref|><|det|>[[1, 2, 30, 40]]<|/det|>", RawBox(N, label="dog")),
    "glm": ("<|begin_of_box|>[[1,2,30,40]]<|end_of_box|>", RawBox(N)),
    "rex": (
        "<|object_ref_start|>dog<|object_ref_end|><|box_start|><1><2><30><40><|box_end|>",
        RawBox(N, label="dog"),
    ),
    "coordinate tokens": (
        "<|box_start|><|coord_1|><|coord_2|> <|coord_30|><|coord_40|><|box_end|>",
        RawBox(N),
    ),
    "paligemma": (
        "<loc0001><loc0002><loc0030><loc0040> dog",
        RawBox(N, Order.YXYX, None, "dog", 1024.0),
    ),
    "florence": ("<loc_1><loc_2><loc_30><loc_40>", RawBox(N, extent=1000.0)),
    "zero-padded": ("[[001, 002, 030, 040]]", RawBox(N)),
    "named corners": ("dog(1,2),(30,40)", RawBox(N, label="dog")),
    "prose with corners": (
        "- **Top left corner**: (1, 2)\n- **Top right corner**: (30, 2)\n"
        "- **Bottom left corner**: (1, 40)\n- **Bottom right corner**: (30, 40)",
        RawBox(N),
    ),
    "prose with two points": ("It reaches from about (1, 2) up to (30, 40).", RawBox(N)),
    "prose with a list": ("The box is [1, 2, 30, 40], I think.", RawBox(N)),
    "equations": ("(x1, y1) = (1, 2) and (x2, y2) = (30, 40)", RawBox(N)),
    "keys in prose": ("- x1: 1\n- y1: 2\n- x2: 30\n- y2: 40", RawBox(N)),
    "bare": ("1, 2, 30, 40", RawBox(N)),
    "blanks": ("[1 2 30 40]", RawBox(N)),
    "corner objects": ('{"box": {"top_left": [1, 2], "bottom_right": [30, 40]}}', RawBox(N)),
    "sides in an object": ('{"top": 2, "left": 1, "right": 30, "bottom": 40}', RawBox(N)),
    "width and height": ('{"x": 1, "y": 2, "width": 30, "height": 40}', RawBox(N, Order.XYWH)),
    "two points under a key": ('{"bbox_2d": [[1, 2], [30, 40]]}', RawBox(N)),
    "the key names the object": ("{'dog': [1, 2, 30, 40]}", RawBox(N, label="dog")),
    "a row": ("[['dog', [1, 2, 30, 40], 0.5]]", RawBox(N, confidence=0.5, label="dog")),
    "a flat row": ("[[1, 2, 30, 40, 'dog']]", RawBox(N, label="dog")),
    "in quotes": ('["[1, 2, 30, 40]"]', RawBox(N)),
    "numbers in quotes": ("['1', '2', '30', '40']", RawBox(N)),
    "an object in quotes": ('["{"bbox_2d": [1, 2, 30, 40], "label": "dog"}"]', RawBox(N, label="dog")),
    "a wrapper": ('{"answer": [{"bbox_2d": [1, 2, 30, 40]}]}', RawBox(N)),
    "no braces": ('["bbox_2d": [1, 2, 30, 40], "label": "dog"]', RawBox(N, label="dog")),
    "mixed quotes": ("""[{"bbox_2d': [1, 2, 30, 40], 'label": "dog"}]""", RawBox(N, label="dog")),
    "mixed quotes around a number": (
        """[{"Position': [1, 2, 30, 40], 'Confidence": 0.5}]""",
        RawBox(N, confidence=0.5),
    ),
    "attributes": (
        '[{"name": "dog", "bbox": [1, 2, 30, 40], "more": {"color": "brown"}, "tags": ["big"]}]',
        RawBox(N, label="dog"),
    ),
    "full width": ("【{“bbox_2d”：【1，2，30，40】，“label”：“狗”}】", RawBox(N, label="狗")),
    "extra brackets": ('```json\n[{"bbox_2d": [1, 2, 30, 40]}]\n]\n}\n```json', RawBox(N)),
    "a cut object": ('[{"bbox_2d": [1, 2, 30, 40], "label": "do', RawBox(N)),
}


def bare(box: RawBox) -> RawBox:
    return box._replace(rating=RawBox(N).rating)


@pytest.mark.parametrize("name", ONE_BOX)
def test_one_box_is_read_as_it_is_written(name):
    content, box = ONE_BOX[name]
    written = read_content(content)
    assert [bare(one) for one in written.boxes] == [box]
    assert not written.points and not written.abstained


DEMANDED_OF_CORNERS = {"qwen2"}
DEMANDED_OF_BOTH = {"attributes", "internvl", "deepseek", "glm", "zero-padded"}


@pytest.mark.parametrize("name", ONE_BOX)
def test_other_notations_are_read_but_cost_the_form(name):
    text = f"<answer>{ONE_BOX[name][0]}</answer>"
    boxes, corners = (parse(text, FRAME, Form.DIRECT) for parse in (parse_boxes_answer, parse_corners_answer))
    assert boxes.parsed == corners.parsed == (name != "width and height")
    assert boxes.formatted == (name in DEMANDED_OF_BOTH)
    assert corners.formatted == (name in DEMANDED_OF_BOTH | DEMANDED_OF_CORNERS)


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("<|box_start|><1><2><30><40>, <5><6><70><80><|box_end|>", [N, M]),
        ("<loc0001><loc0002><loc0030><loc0040> dog ; <loc0005><loc0006><loc0070><loc0080> cat", [N, M]),
        ("dog(1,2),(30,40),cat(5,6),(70,80)", [N, M]),
        ("[{'Position': [1, 2, 30, 40]}], {'Position': [5, 6, 70, 80]}]", [N, M]),
        ("{'Position': [1, 2, 30, 40], 'Position': [5, 6, 70, 80]}", [N, M]),
        ('```json\n[{"bbox": [1,2,30,40]}]\n```\n```json\n{"bbox": [5,6,70,80]}\n```', [N, M]),
        ("[1, 2, 30, 40] and [5, 6, 70, 80], not (119, 90) or (3, 4)", [N, M]),
    ],
)
def test_several_boxes(content, numbers):
    assert [box.numbers for box in read_content(content).boxes] == numbers


@pytest.mark.parametrize(
    ("content", "points"),
    [
        (
            '<point x="61.5" y="40" alt="nose">nose</point>',
            [RawPoint((61.5, 40.0), "nose", 100.0)],
        ),
        (
            '<points x1="1" y1="2" x2="3.5" y2="4" alt="ears">ears</points>',
            [RawPoint((1.0, 2.0), "ears", 100.0), RawPoint((3.5, 4.0), "ears", 100.0)],
        ),
        ('<points x1="501" y1="250">nose</points>', [RawPoint((501.0, 250.0))]),
        ('[{"point_2d": [1, 2], "label": "nose"}]', [RawPoint((1.0, 2.0), "nose")]),
        ('{"points": [[1, 2], [3, 4]]}', [RawPoint((1.0, 2.0)), RawPoint((3.0, 4.0))]),
        ("(1, 2)", [RawPoint((1.0, 2.0))]),
        ("It is at (1, 2).", [RawPoint((1.0, 2.0))]),
        ("<|box_start|><1><2><|box_end|>", [RawPoint((1.0, 2.0))]),
    ],
)
def test_points(content, points):
    written = read_content(content)
    assert list(written.points) == points and not written.boxes


def test_a_corner_with_sides_is_neither_a_point_nor_a_box():
    written = read_content("It is at (100, 450) with a size of (100, 100).")
    assert not written.boxes and not written.points


def test_the_frame_makes_pixels_and_the_notation_its_own_convention():
    def pixels(content):
        answer = parse_boxes_answer(content, FRAME, Form.DIRECT)
        return boxes_of(answer) or points_of(answer)

    # The image is 1000 wide and 500 high; the family writes 0-1000.
    assert pixels("[100, 200, 300, 400]") == ((100.0, 100.0, 300.0, 200.0),)
    assert pixels('{"box_2d": [100, 200, 300, 400]}') == ((200.0, 50.0, 400.0, 150.0),)
    assert pixels("<loc0256><loc0512><loc0512><loc0768>") == ((500.0, 125.0, 750.0, 250.0),)
    assert pixels('<point x="50" y="25">') == ((500.0, 125.0),)
    assert pixels('{"point_2d": [500, 250]}') == ((500.0, 125.0),)


@pytest.mark.parametrize(
    "content", ["[1, 2, 30, 40]", '<point x="50" y="25">', "<loc0001><loc0002><loc0003><loc0004>"]
)
def test_without_a_frame_nothing_is_converted(content):
    for parse in (parse_boxes_answer, parse_corners_answer):
        answer = parse(f"<answer>{content}</answer>", None, Form.DIRECT)
        assert Fault.UNKNOWN_FRAME in answer.faults and not answer.parsed and not answer.formatted
        assert not boxes_of(answer) and not points_of(answer) and not answer.abstained


def test_without_a_view_an_abstention_is_still_one():
    answer = parse_boxes_answer("<answer>No Objects</answer>", None, Form.DIRECT)
    assert answer.abstained and answer.formatted


def test_names_stay_with_their_boxes():
    dog, other, cat = (
        '{"bbox": [1,2,30,40], "label": "dog"}',
        '{"bbox": [5,6,70,80]}',
        '{"bbox": [1,2,30,40], "label": "cat"}',
    )
    answer = parse_boxes_answer(f"<answer>[{dog}, {other}, {cat}]</answer>", FRAME, Form.DIRECT)
    assert len(boxes_of(answer)) == 3 and labels_of(answer) == ("dog", None, "cat")
    assert Fault.REPEATED_BOX not in answer.faults, "under another name it is another claim"
    assert labels_of(parse_boxes_answer("<answer>[[1, 2, 30, 40]]</answer>", FRAME, Form.DIRECT)) == ()


def test_points_count_only_where_no_box_is_given():
    content = '{"bbox_2d": [1, 2, 30, 40], "coordinate": [3, 4]}'
    assert points_of(parse_boxes_answer(content, FRAME, Form.DIRECT)) == ()


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ('{"bbox_2d": [1, 2, 30, 40], "answer": "<answer>6427</answer>"}', 1),
        ("[1, 2, 30, 40] <answer>There is no such thing.</answer>", 0),
        ("[1, 2, 30, 40] <answer>[{'Position': [1, 2, 3]}]</answer>", 0),
        ("<think>[1, 2, 30, 40]</think> <answer>No</answer>", 0),
        ("<answer>No</answer> <think>[1, 2, 30, 40]", 0),
        ("<think> Final answer: [1, 2, 30, 40]", 1),
        ("<think> Final answer: [1, 2, 30, 40] </think>", 1),
        ("<think> perhaps [1, 2, 30, 40] </think>", 0),
    ],
)
def test_what_is_around_an_answer_counts_only_where_the_answer_says_nothing(text, boxes):
    answer = parse_boxes_answer(text, FRAME, Form.THINK)
    assert len(boxes_of(answer)) == boxes and not answer.formatted


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 5000])
def test_what_is_written_is_finite(number):
    for content in (f"[1, 2, {number}, 40]", f"(1, {number}), (3, 4)", f'{{"point": [1, {number}]}}'):
        written = read_content(content)
        assert not written.boxes and not written.points and Fault.BAD_BOX in written.faults


@pytest.mark.parametrize(
    "content", ["1, 2, 30, 4", "x1: 1, y1: 2, x2: 30, y2: 4", "<point x='5' y='4", "[1, 2, 30, 4"]
)
def test_a_last_number_that_may_be_cut_is_not_believed(content):
    answer = parse_boxes_answer(f"<answer>{content}", FRAME, Form.DIRECT)
    assert not answer.parsed and Fault.TRUNCATED in answer.faults


@pytest.mark.parametrize(
    "content",
    [
        "[, {'Position': [1, 2, 30, 40], 'Confidence': 0.5}]",
        "[{'Position': [1, 2, 30, 40], 'Con fidence': 0.5}]",
        "[{'Position': [1, 2, 30, 40], 'probability': 0.5}]",
        "[{'Posi tion': [1, 2, 30, 40], 'Confidence': 0.5}]",
        "[{u'Position': [1, 2, 30, 40], 'Confidence': 0.5}]",
        "[{'Position'：[1, 2, 30, 40], 'Confidence': 0.5}]",
        "[{'Position'=[1, 2, 30, 40], 'Confidence': 0.5}]",
    ],
)
def test_a_slip_in_the_papers_notation_costs_the_form_and_no_box(content):
    answer = parse_boxes_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)
    assert boxes_of(answer) == ((1.0, 1.0, 30.0, 20.0),) and scores_of(answer) == (0.5,)
    assert not answer.formatted


def test_a_dot_before_a_number_is_its_own_or_spoils_it():
    assert [box.numbers for box in read_content(".1, 203, 475, 606").boxes] == [(0.1, 203.0, 475.0, 606.0)]
    assert not read_content("{'Position': ['...134, 42, 424, 197']}").boxes


def test_a_token_among_numbers_spoils_them():
    assert not read_content("[1, <2> 2, 30, 40]").boxes


def test_the_same_box_twice_is_more_than_the_one_that_grounding_asks_for():
    answer = parse_corners_answer("<answer>(1,2),(30,40),(1,2),(30,40)</answer>", FRAME, Form.DIRECT)
    assert answer.parsed and answer.faults == (Fault.SEVERAL_BOXES,)
