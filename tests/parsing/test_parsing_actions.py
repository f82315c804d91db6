"""An action as models write it: JSON, Python literals, calls; one and no more; nothing evaluated."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.actions import parse_action_answer
from vrft.types import Action, CoordinateFrame, Fault, Form

SCREEN = CoordinateFrame.whole("resized_pixels", (1500, 400), (750, 100))


def read(text: str, frame: CoordinateFrame | None = SCREEN):
    return parse_action_answer(text, frame, Form.DIRECT)


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ('<answer>[{"action": "click", "point": [60, 40], "input_text": "no input text"}]</answer>', True),
        ("<answer>[{'action': 'Click', 'point': [60, 40], 'input_text': 'no input text',}]</answer>", True),
        ("<answer>[{'action': 'click', 'coordinate': [60, 40]}]</answer>", True),
        ('<answer>```json\n{"action": "click", "point": [60, 40]}\n```</answer>', True),
        (
            '<answer>{"name": "use", "arguments": {"action": "click", "coordinate": [60, 40]}}</answer>',
            True,
        ),
        ('<answer>{"action": "click", "coordinate": {"x": 60, "y": 40}}</answer>', True),
        ('<answer>{"action": "click", "point": ["60", "40"]}</answer>', True),
        ('<answer>{"action": "click", "point": [[60, 40]]}</answer>', True),
        ('<answer><tool_call>{"action": "click", "point": [60, 40]}</tool_call></answer>', True),
        ('<answer>{"action": "click", "bbox_2d": [50, 30, 70, 50]}</answer>', False),
        ("click(start_box='<|box_start|>(60,40)<|box_end|>')", False),
        ("click(start_box='[50, 30, 70, 50]')", False),
        ("click(60, 40)", False),
        ("pyautogui.click(x=60, y=40)", False),
        ("Action: click(start_box='(60,40)')", False),
        ("Thought: there.\nAction: click(point='<point>60 40</point>')", False),
        ("<answer>click(start_box='[60, 40]')</answer>", False),
    ],
)
def test_all_notations_say_the_same(text, formatted):
    answer = read(text)
    assert answer.value == Action("click", (120.0, 160.0)) and answer.formatted is formatted


def test_zero_is_a_place_and_beyond_the_border_is_none():
    assert read('<answer>[{"action": "click", "point": [0, 0]}]</answer>').value.xy_px == (0.0, 0.0)
    outside = read('<answer>[{"action": "click", "point": [751, 0]}]</answer>')
    assert outside.value == Action("click") and Fault.BAD_POINT in outside.faults and not outside.formatted


@pytest.mark.parametrize(
    "text",
    [
        "Action: click(start_box='=')",
        '<answer>[{"action": "click"}]</answer>',
        '<answer>[{"action": "click", "point": [60]}]</answer>',
        '<answer>[{"action": "click", "point": [60, 40, 70, 50]}]</answer>',
        '<answer>[{"action": "click", "point": [NaN, 40]}]</answer>',
        '<answer>[{"action": "click", "point": [true, 40]}]</answer>',
        '<answer>[{"action": "click", "point": "here"}]</answer>',
        '<answer>[{"action": "click", "point": [60, 40], "coordinate": [1, 1]}]</answer>',
        '<answer>[{"action":"click","point":[60,40]},{"action":"click","point":[1,1]}]</answer>',
    ],
)
def test_a_click_without_one_place_is_a_type_and_no_place(text):
    answer = read(text)
    assert answer.value == Action("click") and answer.faults and not answer.formatted


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "click [60, 40]",
        "[1, 2]",
        '[{"action": ["click"], "point": [60, 40]}]',
        '[{"action": "click", "point": [60, 40], "point": [1, 1]}]',
        "[{'action': 'click', 'action': 'wait'}]",
        '[{"action": "click", "point": [60, 40]}, {"action": "wait"}]',
        "__import__('os').system('true')",
        "[dict(action='click', point=[60, 40])]",
        '[{"action": "click", "point": [x, y]}]',
        "[" * 3000,
    ],
)
def test_what_is_no_single_action_is_unread(content):
    answer = read(f"<answer>{content}</answer>")
    assert answer.value is None and answer.faults and not answer.formatted


def test_without_a_frame_a_place_is_not_converted_and_a_key_still_is():
    placed = read('<answer>[{"action": "click", "point": [60, 40]}]</answer>', None)
    assert placed.value is None and Fault.UNKNOWN_FRAME in placed.faults
    assert read('<answer>[{"action": "enter"}]</answer>', None).value == Action("enter")


@settings(max_examples=80, deadline=None)
@given(words=st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="<"), max_size=30))
def test_any_text_is_read_back(words):
    content = json.dumps([{"action": "type", "input_text": words}])
    expected = "" if words.strip().casefold() == "no input text" else words
    assert read(f"<answer>{content}</answer>").value == Action("type", text=expected)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="[]{}()\"':,=clikationpxy059- .\n", max_size=70))
def test_whatever_is_written_nothing_raises(content):
    answer = read(f"<answer>{content}</answer>")
    assert not (answer.formatted and answer.faults) and (answer.parsed or not answer.formatted)
