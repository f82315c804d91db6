"""Released rewards on the way that a user takes, through task, parser and frame: they read the text as their
code does, whatever the task's own parser makes of it, and place it by the frame that the model was shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vrft.geometry.boxes import iou
from vrft.rewards.papers import written_places
from vrft.rewards.papers.vlm_r1 import vlm_r1_released_length, vlm_r1_released_repetition
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Action, Boxes, CoordinateFrame, Example, Image, Tracks

WIDE = (400, 200)


def scored(name, setting, text, target, frame, options=None, media=1, **fields):
    task = load_task(name)
    scorer = Scorer(task, RewardOptions(setting=setting, allow_unsafe_reward=True, options=options or {}))
    images = tuple(Image(Path(f"{i}.png"), WIDE) for i in range(media))
    example = Example("a", "a", name, images, "cup", target, **fields)
    return scorer.score_text(text, example, [frame] * media)


def said(content: str) -> str:
    return f"<think>I look.</think><answer>{content}</answer>"


PIXELS = CoordinateFrame.whole("resized_pixels", WIDE)
HALF = CoordinateFrame.whole("resized_pixels", WIDE, (200, 100))
SHARES = CoordinateFrame.whole("norm1000", WIDE)
CUP = (40.0, 40.0, 140.0, 140.0)


@pytest.mark.parametrize(
    ("content", "frame", "value"),
    [
        ('{"bbox_2d": [40, 40, 140, 140]}', PIXELS, 1.0),
        ('{"bbox_2d": [20, 20, 70, 70]}', HALF, 1.0),
        ('{"bbox_2d": [100, 200, 350, 700]}', SHARES, 1.0),
        ('{"bbox_2d": [40, 40, 540, 240]}', PIXELS, 0.1),  # beyond the image: 100 of 1000 columns and rows
        ('{"bbox_2d": [[40, 40, 140, 140]]}', PIXELS, 1.0),
        ('{"a": [40, 40, 140, 90], "b": [40, 40, 140, 140]}', PIXELS, 0.5),  # the first counts
        ('{"bbox_2d": [140, 140, 40, 40]}', PIXELS, 0.0),
        ('{"bbox_2d": [40, 40, 140, ' + "9" * 5000 + "]}", PIXELS, 0.0),
        ("[40, 40, 140, " + "9" * 400 + "]", PIXELS, 0.0),
        ("", PIXELS, 0.0),
    ],
)
def test_vlm_r1_reads_the_box_itself(content, frame, value):
    found = scored("grounding", "vlm_r1", said(content), Boxes((CUP,)), frame)
    assert found.terms["iou"] == pytest.approx(value) and not found.failures


@pytest.mark.parametrize(
    ("text", "frame", "reward"),
    [
        (said('{"boxes": [100, 200, 350, 700]}'), SHARES, 1.5),
        (said('{"boxes": [40, 40, 140, 90]}'), PIXELS, 0.45 + 0.6),
        (said('{"boxes": [-60, 40, 140, 140]}'), PIXELS, 0.45 + 0.6),  # begins outside of the image
        (said('{"boxes": [1000, 200, 1250, 700]}'), SHARES, 0.6),  # wholly outside of it
        ('{"boxes": [100, 200, 350, 700]}', SHARES, 0.9),  # no tags: the whole text is the answer
        (said('{"boxes": [NaN, 1, 2, 3]}'), SHARES, 0.6),
        (said('{"boxes": [1' + "0" * 400 + ", 1, 2, 3]}"), SHARES, 0.1),
        (said("[" * 100_000), SHARES, 0.1),
    ],
)
def test_onethinker_reads_the_box_itself(text, frame, reward):
    found = scored("grounding", "onethinker", text, Boxes((CUP,)), frame)
    assert found.reward == pytest.approx(reward) and not found.failures


def listed(*boxes) -> str:
    return json.dumps([{"bbox_2d": list(box), "label": name} for name, box in boxes])


def test_vision_r1_scales_the_answer_to_pixels_of_the_file():
    label = (0.0, 0.0, 101.0, 101.0)
    target = Boxes((label,), labels=("cup",))
    found = scored("multi_detection", "vision_r1", listed(("cup", (0, 0, 50, 50))), target, HALF)
    assert found.terms["precision"] == pytest.approx(100**2 / 101**2), "labels are not rounded"
    # 2 across and 2 down in the one notation, .4 and .2 in the other: the same place, so the same value.
    other = scored("multi_detection", "vision_r1", listed(("cup", (0, 0, 250, 500))), target, SHARES)
    assert other.terms["precision"] == pytest.approx(iou((0.0, 0.0, 100.0, 100.0), label))


def test_vision_r1_pairs_by_distances_in_pixels():
    """A cup's name outweighs half a written pixel, but not the two of the file that it is."""
    golds = Boxes(((0.0, 0.0, 100.0, 104.0), (0.0, 0.0, 100.0, 100.8)), labels=("cup", "fork"))
    text = listed(("cup", (0, 0, 50, 51)))
    found = scored("multi_detection", "vision_r1", text, golds, HALF).terms["precision"]
    # In pixels it is 102 high: 2 from the cup less 1 for the name, 1.2 from the fork; GIoU decides nothing.
    assert found == pytest.approx(102 / 104)
    text = listed(("fork", (0, 0, 50, 51)))
    assert scored("multi_detection", "vision_r1", text, golds, HALF).terms["precision"] == pytest.approx(
        100.8 / 102
    )


def test_v_triune_reads_labels_as_it_reads_answers():
    box = (40.0, 40.0, 140.0, 140.0)
    for name, reward in (("cup", 1.0), ("dog's cup", 0.0)):
        text = f"<think>\nx\n</think>\n<answer>\n{listed((name, (40, 40, 140, 140)))}\n</answer>"
        assert (
            scored("multi_detection", "v_triune", text, Boxes((box,), labels=(name,)), PIXELS).reward
            == reward
        )
    deep = "\n<answer>\n" + "[" * 100_000 + "\n</answer>"
    huge = "\n<answer>\n" + listed(("cup", (1, 1, 2, 10**400))) + "\n</answer>"
    for text in (deep, huge):
        found = scored("multi_detection", "v_triune", text, Boxes((box,), labels=("cup",)), PIXELS)
        assert found.reward == 0 and not found.failures


@pytest.mark.parametrize(
    ("kind", "value"), [("ap", 0.85), ("ap50", 1.0), ("od_length", 0.85), ("weighted_sum", 0.7 * 0.9 + 0.3)]
)
def test_vlm_r1s_other_rewards_of_several_boxes_are_options(kind, value):
    labels = ("cup", (10, 10, 110, 60)), ("fork", (200, 40, 300, 140))
    text = said(f"```json\n{listed(('cup', (10, 10, 90, 60)), labels[1])}\n```")
    target = Boxes(tuple(tuple(map(float, box)) for _, box in labels), labels=("cup", "fork"))
    found = scored("multi_detection", "vlm_r1", text, target, PIXELS, {"od_length": {"kind": kind}})
    assert found.terms["od_length"] == pytest.approx(value)


@pytest.mark.parametrize("frame", [PIXELS, HALF, SHARES])
def test_onethinker_tracks_in_the_numbers_that_the_model_writes(frame):
    rows = ((1, "", 40.0, 40.0, 140.0, 140.0), (2, "", 60.0, 40.0, 160.0, 140.0))
    task = load_task("tracking")
    target = Tracks(rows)
    images = tuple(Image(Path(f"{i}.png"), WIDE) for i in range(2))
    text = task.gold(Example("a", "a", "tracking", images, "cup", target), [frame, frame])
    assert scored("tracking", "onethinker", text, target, frame, media=2).reward == pytest.approx(1.5)
    one = replace(target, boxes=rows[:1])
    assert scored("tracking", "onethinker", text, one, frame, media=2).reward == pytest.approx(1.5)


@pytest.mark.parametrize("name", ["no action", "no_action"])
def test_gui_r1_takes_what_it_cannot_read_for_no_action(name):
    text = said('[{"action": "click", "point": [9, 9], "input_text": ""}]')
    found = scored("clicking", "gui_r1", text, Action(name, box_px=CUP), PIXELS)
    assert found.reward == pytest.approx(1.0)


def test_places_outside_of_what_is_shown_are_scaled_like_those_inside():
    frame = CoordinateFrame("norm1000", (100.0, 0.0, 200.0, 50.0), (64, 64), mirrored=True)
    box = written_places.placed_box((-100, 0, 500, 2000), frame)
    assert box == (150.0, 0.0, 210.0, 100.0)
    assert written_places.written_box(box, frame) == pytest.approx((-100, 0, 500, 2000))
    shown, scale = written_places.shown_boxes([box], frame)
    assert shown == [(-10.0, 0.0, 50.0, 100.0)] and scale == (0.1, 0.05)
    assert written_places.placed_box((1, 2, 3, 4), None) == (1, 2, 3, 4)


ONE, TWO = '{"bbox_2d": [1, 1, 9, 9], "label": "cup"}', '{"bbox_2d": [1, 1, 9, 9], "label": "fork"}'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0.0),
        ("one two three four five", 0.0),
        ("go on " * 4, -1 / 3),  # three groups of six, two different
        (f"```json\n[{ONE}, {TWO}]\n```", 0.0),
        (f"```json\n[{ONE}, {ONE}, {TWO}, {ONE}]\n```", -0.5),
        (f"```\n[{ONE}, {ONE}]\n```", -0.5),
        (f"so [{ONE}, {ONE}]", -0.5),
        ("go on " * 9 + f"```json\n[{ONE}]\n```", 0.0),  # the loop around a list is free
        ("```json\n[]\n```", 0.0),
        ("```json\n[{}]\n```", 0.0),
        ("```json\n" + "[" * 100_000 + "\n```", 0.0),
    ],
)
def test_vlm_r1s_penalty_of_repetitions(text, value):
    assert vlm_r1_released_repetition.repetition_text(text) == pytest.approx(value)
    found = Scorer(
        load_task("multi_detection"),
        RewardOptions(weights={"vlm_r1_repetition": 1.0}, allow_unsafe_reward=True),
    )
    example = Example("a", "a", "multi_detection", (Image(Path("a.png"), WIDE),), "cup", Boxes())
    assert found.score_text(text, example, [PIXELS]).terms["vlm_r1_repetition"] == pytest.approx(value)


def test_vlm_r1s_cosine_takes_every_answer_for_right_and_rises_beyond_its_end():
    assert vlm_r1_released_length.cosine_of(256) == pytest.approx(0.75 + 0.25 * 0.5**0.5)
    assert [vlm_r1_released_length.cosine_of(n) for n in (0, 1024, 2048)] == [1.0, 0.5, 1.0]
    with pytest.raises(TypeError):
        vlm_r1_released_repetition.repetition_text("```json\n[7]\n```")
