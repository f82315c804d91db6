"""GUI-R1's and UI-R1's released rewards: numbers worked out by hand from their rules, holes included."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.errors import ConfigError
from vrft.rewards.papers import gui_r1, ui_r1
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Action, CoordinateFrame, Example, Image


def gui(content: str, thought: str = "<think>Hm.</think>") -> str:
    return f"{thought}<answer>{content}</answer>"


def said(action="click", point="[70, 80]", words="no input text") -> str:
    return gui(f"[{{'action': '{action}', 'point': {point}, 'input_text': '{words}'}}]")


def label(action="click", place=(60, 60, 90, 90), words="no input text") -> str:
    return json.dumps({"action": action, "gt_bbox": place, "input_text": words})


@pytest.mark.parametrize(
    ("text", "gold", "accuracy", "formatted"),
    [
        (said(), label(), 1, 1),
        (said(point="[60, 80]"), label(), 0, 1),  # the border is outside
        (said(point="[(70), 80]"), label(), 0, 1),
        (said(action="CLICK"), label(action="Click"), 1, 1),
        (said().replace("'", '"'), label(), 0, 1),  # double quotes: no action is found
        (said().replace("'", '"'), label(action="no action"), 1, 1),
        (said(point="[70.0, 80.0]"), label(), 0, 0),  # unread, so [0, 0]
        (said(point="[70.0, 80.0]"), label(place=(90, 90)), 1, 0),  # which is near this label
        (gui("[{'action': 'click'}]"), label(place=(-1, -1, 5, 5)), 1, 0),
        (said(point="[200, 90]"), label(place=(60, 90)), 0, 1),  # 140 pixels
        (said(point="[199, 90]"), label(place=(60, 90)), 1, 1),
        (gui("[{'action': 'click', 'point': [1, 1], 'input_text': ''}, {'point': [70, 80]}]"), label(), 1, 0),
        (gui("[{'action': 'click',\n'point': [70, 80]}]"), label(), 0, 0),  # the brace is on another line
        (said("scroll", words="lef"), label("scroll", words="left"), 1, 0),  # part of a word
        (said("scroll", words="left"), label("scroll", words="right"), 0, 1),
        (said("type", words="red kiwi pie"), label("type", words="kiwi pie now"), 1, 1),  # F1 2/3
        (said("type", words="red kiwi"), label("type", words="kiwi pie now"), 0, 1),  # F1 2/5
        (said("type"), label("type", words="no input text"), 1, 0),
        (said("open_app", words="Mail"), label("open_app", words="Maps"), 1, 1),  # the text is not looked at
        (gui("[]"), label(), 0, 1),  # the form is paid without an answer
        (gui("[dict(action='wait', point=[2 * 3, 4], input_text='')]"), label("wait"), 0, 1),
        (gui("[{'action': 'wait', 'point': [f(1), 2], 'input_text': ''}]"), label("wait"), 1, 0),
        (said(), "kiwi", 0, 1),
        (said(), label(place=(1, 2, 3)), 0, 1),
        (said()[len("<think>Hm.</think>") :], label(), 1, 0),
        (said() + said(), label(), 1, 0),
        ("", label(), 0, 0),
        ("click [70, 80]", label("no action"), 1, 0),
    ],
)
def test_gui_r1_by_hand(text, gold, accuracy, formatted):
    expected = {"overall": 0.8 * accuracy + 0.2 * formatted, "format": formatted, "accuracy": accuracy}
    if text == said() + said():
        # The pattern of the format reaches over the first end, whose content is read alone.
        expected = {"overall": 1.0, "format": 1, "accuracy": 1}
    assert gui_r1.score_text(text, gold) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["ab", "cd", "[ef]", "AB", "x", "y", "z"]), max_size=4),
    st.lists(st.sampled_from(["ab", "cd", "ef", "x", "yx"]), max_size=4),
)
def test_the_f1_is_that_of_sets_of_words_but_for_single_words(one, other):
    sets = [{word.strip("[]").lower() for word in words} for words in (one, other)]
    hits = sum(word in sets[1] for word in sets[0])
    found = gui_r1.text_f1(" ".join(one), " ".join(other))
    if len(sets[0]) == len(sets[1]) == 1:
        (a,), (b,) = sets
        assert found == float(a in b or b in a)
    else:
        assert found == pytest.approx(2 * hits / max(len(sets[0]) + len(sets[1]), 1))


SIGNS = st.text(alphabet="{}[]0123, \n'ab", max_size=40)


@settings(max_examples=300, deadline=None)
@given(SIGNS)
def test_the_point_is_that_of_one_greedy_search(text):
    """Of one expression that goes over the whole content, as the release searches it."""
    found = re.search(r"\{.*\[(\d+),\s*(\d+)\]\s*.*\}", text.strip())
    expected = (int(found[1]), int(found[2])) if found else (0, 0)
    assert gui_r1._point(f"<answer>{text}</answer>") == expected


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()",
        "[x for x in (1,)]",
        "10 ** 10 ** 10",
        "'a' * 10**9",
        "open('a')",
        "(" * 5000,
        "a.b",
    ],
)
def test_nothing_is_evaluated_that_is_no_literal(text):
    assert gui_r1.format_text(gui(text)) == 0.0


def ui(action="'click'", place=", 'coordinate': [70, 80]") -> str:
    return gui(f"[{{'action': {action}{place}}}]")


BOX = "<answer>[{'action': 'click', 'coordinate': [60, 60, 90, 90]}]</answer>"


@pytest.mark.parametrize(
    ("text", "solution", "scale", "expected"),
    [
        (ui(), BOX, (1.0, 1.0), (1, 1, 1)),
        (ui(place=", 'coordinate': [60, 90]"), BOX, (1.0, 1.0), (1, 1, 1)),  # borders are inside
        (ui(place=", 'coordinate': [91, 90]"), BOX, (1.0, 1.0), (1, 0, 1)),
        (ui(), BOX, (1.0, 1.13), (1, 1, 1)),  # 90.4 is cut to 90
        (ui(), BOX, (1.0, 1.14), (1, 0, 1)),
        (ui("click"), BOX, (1.0, 1.0), (1, 1, 1)),
        (ui("'CLICK'"), BOX, (1.0, 1.0), (0, 0, 1)),
        (ui('"click"'), BOX, (1.0, 1.0), (0, 0, 1)),
        (ui(place=""), BOX, (1.0, 1.0), (1, 0, 1)),
        (ui(place=""), BOX.replace("60, 60", "0, 0"), (1.0, 1.0), (1, 1, 1)),  # unread: [0, 0]
        (ui("'scroll'"), BOX.replace("click", "scroll"), (1.0, 1.0), (1, 1, 1)),
        (ui(place=", 'a': [1, 1], 'coordinate': [70, 80]"), BOX, (1.0, 1.0), (1, 0, 1)),  # the first pair
        (ui(), BOX.replace("60, 60", "60.5, 60"), (1.0, 1.0), (1, 0, 1)),
        (gui(""), BOX, (1.0, 1.0), (0, 0, 1)),  # the form is paid for nothing
        (ui()[len("<think>Hm.</think>") :], BOX, (1.0, 1.0), (1, 1, 0)),
        (ui(), "kiwi", (1.0, 1.0), (0, 0, 1)),
        ("", BOX, (1.0, 1.0), (0, 0, 0)),
    ],
)
def test_ui_r1_by_hand(text, solution, scale, expected):
    found = (
        ui_r1.action_text(text, solution),
        ui_r1.coordinate_text(text, solution, scale),
        ui_r1.format_text(text),
    )
    assert found == expected


TASK = load_task("clicking")
SCREEN = Image(Path("screen.png"), (1500, 400))
CLICK = Action("click", (150.0, 80.0), box_px=(120.0, 40.0, 180.0, 120.0))


@pytest.mark.parametrize("style", ["gui_r1", "ui_r1"])
@pytest.mark.parametrize("frame", ["resized_pixels", "norm1000"])
def test_the_settings_give_their_numbers_in_the_frame_of_the_model(style, frame):
    with pytest.raises(ConfigError, match="allow_unsafe_reward"):
        Scorer(TASK, RewardOptions(setting=style))
    scorer = Scorer(TASK, RewardOptions(setting=style, allow_unsafe_reward=True))
    frames = [CoordinateFrame.whole(frame, SCREEN.size_wh, (750, 100))]
    full = sum(term.high for term in scorer.terms.values())
    for target in (CLICK, Action("scroll", text="up"), Action("press_back")):
        asked = Example("a", "a", "clicking", (SCREEN,), "Go.", target, fields={"style": style})
        gold = scorer.score_text(TASK.gold(asked, frames), asked, frames)
        assert gold.reward == pytest.approx(full) and not gold.failures
        read = gold.answer.value
        assert read.action == target.action and gold.answer.formatted
        wrong = scorer.score_text(TASK.gold(asked, frames).replace(target.action, "zoom"), asked, frames)
        assert wrong.reward == pytest.approx(0.2 if style == "gui_r1" else 1.0)


@pytest.mark.parametrize("style", ["gui_r1", "ui_r1"])
def test_the_recommended_setting_reads_these_styles_and_has_none_of_their_holes(style):
    scorer = Scorer(TASK, RewardOptions(setting="recommended"))
    near_origin = Action("click", (30.0, 30.0), box_px=(0.0, 0.0, 60.0, 60.0))
    asked = Example("a", "a", "clicking", (SCREEN,), "Go.", near_origin, fields={"style": style})
    frames = [CoordinateFrame.whole("resized_pixels", SCREEN.size_wh)]
    assert scorer.score_text(TASK.gold(asked, frames), asked, frames).reward == 3
    for hole in (
        gui("[{'action': 'click'}]"),
        gui("[{'action': 'click', 'point': [0.5.5, 3]}]"),
        gui("[{'action': 'click', 'point': [500, 5]}, {'action': 'click', 'point': [30, 30]}]"),
        gui("[{'action': 'no action', 'point': [0, 0], 'input_text': 'no input text'}]"),
        gui("[]"),
        gui(""),
    ):
        assert scorer.score_text(hole, asked, frames).reward == 0
