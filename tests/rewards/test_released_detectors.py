"""Rewards of other projects' code for boxes with names: the numbers of their rules on inputs of our own, with
their holes; comments say how a number comes about."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from vrft.geometry.boxes import iou
from vrft.rewards.papers import big_vision, v_triune, vision_r1_released
from vrft.rewards.papers.onethinker import onethinker_box
from vrft.rewards.papers.vision_r1 import ADVANCED, BEGINNER
from vrft.rewards.papers.vlm_r1 import vlm_r1_released_box, vlm_r1_released_detection
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Annotation, Boxes, Image, Record

CUP, FORK, FAR = ("cup", (10, 10, 110, 60)), ("fork", (200, 40, 300, 240)), ("cup", (700, 700, 720, 790))
NARROW = ("cup", (10, 10, 90, 60))
"""Eight tenths of the cup."""
GOLD = [CUP, FORK]


def listed(*boxes, **extra) -> str:
    return json.dumps([{"bbox_2d": list(box), "label": name, **extra} for name, box in boxes])


def fenced(*boxes) -> str:
    return f"<think>I see.</think><answer>```json\n{listed(*boxes)}\n```</answer>"


def lines(*boxes) -> str:
    return f"<think>\nI see.\n</think>\n<answer>\n{listed(*boxes)}\n</answer>"


FOREIGN = [("spoon", (i, 0, i + 1, 1)) for i in range(6)]
NAN = '<answer>```json\n[{"bbox_2d": [NaN, 40, 300, 240], "label": "fork"}]\n```</answer>'
VLM = [
    (fenced(*GOLD), GOLD, 1.0, 1.0, 1.0),
    (fenced(CUP), GOLD, 0.5, 0.5, 0.5),  # one of two categories
    (fenced(NARROW, FORK), GOLD, 0.85, 1.0, 0.85),  # .8: seven thresholds of ten
    (fenced(*GOLD, *FOREIGN), GOLD, 1.0, 1.0, 0.25),  # foreign names are left out; 2 / 8
    (fenced(FAR, CUP, FORK), GOLD, 0.75, 0.75, 0.5),  # the cup's precision is a half; 2 / 3
    (fenced(CUP, FORK, FAR), GOLD, 1.0, 1.0, 2 / 3),  # behind the right one it is free
    (fenced(("Cup", CUP[1]), FORK), GOLD, 0.5, 0.5, 0.5),
    (f"<answer>{listed(*GOLD)}</answer>", GOLD, 0.0, 0.0, 0.0),  # no fence
    (NAN, [FORK], 1.0, 1.0, 1.0),  # what is no number matches everything
    ("anything", [], 1.0, 1.0, 1.0),
    (fenced(CUP), [], 0.0, 0.0, 0.0),
    ("<answer>```json\n[7]\n```</answer>", GOLD, 0.0, 0.0, 0.0),
]


@pytest.mark.parametrize(("text", "gold", "ap", "ap50", "od_length"), VLM)
def test_vlm_r1s_average_precision_of_one_answer(text, gold, ap, ap50, od_length):
    found = [vlm_r1_released_detection.od_reward(text, gold, kind) for kind in ("ap", "ap50", "od_length")]
    assert found == pytest.approx([ap, ap50, od_length])


@pytest.mark.parametrize(
    ("text", "gold", "value"),
    [
        (fenced(*GOLD), GOLD, 1.0),
        (fenced(NARROW, FORK), GOLD, 0.7 * 0.9 + 0.3),
        (fenced(("fork", CUP[1]), ("cup", FORK[1])), GOLD, 0.3),
        (fenced(CUP, FAR), GOLD, 0.7 * 0.5 + 0.3 * 0.5),
        (listed(*GOLD), GOLD, 0.0),
        ("<answer>None</answer>", [], 0.0),
        (f"```json\n{listed(('CUP', CUP[1]))}\n```", GOLD, 0.7 * 0.5 + 0.3 * 0.75),
    ],
)
def test_vlm_r1s_weighted_sum(text, gold, value):
    assert vlm_r1_released_detection.weighted_sum(text, gold) == pytest.approx(value)


def test_vlm_r1s_weighted_sum_fails_on_a_matched_box_without_a_name():
    with pytest.raises(KeyError):
        vlm_r1_released_detection.weighted_sum('```json\n[{"bbox_2d": [10, 10, 110, 60]}]\n```', GOLD)


def test_vlm_r1s_one_box():
    def rewards(content, gold=(10, 10, 110, 60), image=(500, 500)):
        text = f"<think>x</think><answer>{content}</answer>"
        return vlm_r1_released_box.rec_reward(text, gold, image, (500, 500))

    assert rewards('{"bbox_2d": [10, 10, 90, 60]}') == {"iou": pytest.approx(0.8), "format": 1.0}
    assert rewards("[10, 10, 90, 60]") == {"iou": pytest.approx(0.8), "format": 0.0}
    assert rewards('{"b": [5, 5, 45, 30]}', image=(1000, 1000))["iou"] == pytest.approx(0.8)
    assert rewards('{"b": [109, 10, 200, 60]}')["iou"] == 0, "one column of pixels is none"
    # Two columns of 50 pixels: 100 / (91 * 50 + 5000 - 100), and iou of two boxes says the same.
    found, gold = (108.0, 10.0, 199.0, 60.0), (10.0, 10.0, 110.0, 60.0)
    assert (
        rewards('{"b": [108, 10, 199, 60]}')["iou"]
        == pytest.approx(iou(found, gold))
        == pytest.approx(100 / 9450)
    )
    assert rewards('{"b": [10.5, 10, 90, 60]}') == {"iou": 0.0, "format": 0.0}


def test_vlm_r1s_format_is_that_of_its_one_expression():
    written = r"<think>.*?</think>\s*<answer>.*?\{.*\[\d+,\s*\d+,\s*\d+,\s*\d+\].*\}.*?</answer>"
    whole, rng, found = re.compile(written, re.DOTALL), random.Random(0), 0
    parts = ["<think>", "</think>", " \n", "<answer>", "{", "[1, 2,\n3,44]", "}", "</answer>"]
    for _ in range(500):
        text = [part for part in parts for _ in range(rng.choice((1, 1, 1, 1, 1, 1, 2, 0)))]
        if rng.random() < 0.5:
            text.insert(rng.randrange(len(text) + 1), rng.choice((*parts, "x")))
        one = vlm_r1_released_box.rec_reward("".join(text), (0, 0, 9, 9), (9, 9), (9, 9))
        assert one["format"] == float(whole.search("".join(text)) is not None), text
        found += one["format"] == 1
    assert 100 < found < 400


MOVED = ("fork", (200, 40, 262, 240))
"""62 of 100 columns."""


@pytest.mark.parametrize(
    ("text", "gold", "stage", "values"),
    [
        (listed(*GOLD), GOLD, None, (1, 1, 1)),
        (listed(NARROW, MOVED), GOLD, None, (1, 1, 0.71)),
        (listed(NARROW, MOVED), GOLD, BEGINNER, (1, 1, 0.81)),  # .8 is above .75: 1; .62 stays
        (listed(NARROW, MOVED), GOLD, ADVANCED, (1, 0.5, 0.4)),  # one of two; .8 stays, .62 is 0
        (listed(CUP, FORK, *FOREIGN), GOLD, BEGINNER, (1, 1, 1)),  # surplus boxes are free
        (listed(("fork", CUP[1]), ("cup", FORK[1])), GOLD, BEGINNER, (1, 1, 1)),  # names do not matter
        (f"```json\n{listed(CUP)}\n```", GOLD, BEGINNER, (1, 0.5, 1)),
        (f"I see {listed(CUP)[:-1]}", GOLD, BEGINNER, (0, 0.5, 1)),  # no JSON, but a box
        ("nothing", GOLD, BEGINNER, (0, 0, 0)),
        ("nothing", [], BEGINNER, (1, 1, 1)),
        ("[]", [], BEGINNER, (0, 1, 1)),
        ('[{"bbox_2d": [110, 60, 10, 10], "label": "cup"}]', GOLD, None, (1, 0, 0)),
    ],
)
def test_vision_r1s_terms(text, gold, stage, values):
    found = (
        vision_r1_released.format_reward(text, not gold),
        vision_r1_released.recall_reward(text, gold, stage),
        vision_r1_released.precision_reward(text, gold, stage),
    )
    assert found == pytest.approx(values, abs=1e-6)


def test_vision_r1_fails_where_boxes_are_given_and_nothing_is_there():
    with pytest.raises(ValueError, match="nothing"):
        vision_r1_released.recall_reward(listed(CUP), [])
    assert vision_r1_released.stage_of(None) is None
    assert [vision_r1_released.stage_of(step) for step in (1499, 1500)] == [BEGINNER, ADVANCED]


NEAR = ("cup", (10, 10, 102, 60))
"""92 of 100 columns."""


@pytest.mark.parametrize(
    ("boxes", "options", "final", "iou_first", "label_first"),
    [
        (GOLD, {}, 1.0, 1.0, 1.0),
        (GOLD[::-1], {}, 1.0, 0.15, 1.0),  # the other order: one pair of other names, then none
        ([NEAR, FORK], {}, 0.7 * 0.96 + 0.3, 0.7 * 0.96 + 0.3, 0.7 * 0.96 + 0.3),
        ([NEAR, FORK], {"progress": 0.2}, 0.5, 0.5, 0.5),  # .95 is asked: one pair, half complete
        ([NEAR, FORK], {"threshold": "average"}, None, None, (9 * 0.972 + 2 * 0.5) / 11),
        ([NEAR, FORK], {"threshold": 0.3}, None, None, (9 * 0.972 + 2 * 0.5) / 11),  # .3 may not be fixed
        ([CUP], {}, 0.6 * 0.575, 0.225, 0.575),
        ([*GOLD, FAR], {}, 0.6 * 0.95, 0.25, 0.95),  # a third too many: .3 * (1 - 1/6)
        ([*GOLD, *GOLD], {}, 1.0, 1.0, 1.0),  # each place once
        ([("CUP", CUP[1]), FORK], {}, 1.0, 1.0, 1.0),
        ([("fork", CUP[1]), ("cup", FORK[1])], {}, 0.0, 0.3, 0.0),
    ],
)
def test_v_triunes_accuracy(boxes, options, final, iou_first, label_first):
    found = v_triune.accuracy(lines(*boxes), GOLD, **options)
    assert found.label_first == pytest.approx(label_first)
    if final is not None:
        assert found.final_score == pytest.approx(final) and found.iou_first == pytest.approx(iou_first)


def test_v_triunes_reading_format_and_whole():
    assert v_triune.accuracy(lines(), []) == v_triune.Accuracy(), "nothing where nothing is has 0"
    assert v_triune.accuracy(fenced(*GOLD), GOLD) == v_triune.Accuracy()
    single = "<answer>[{'bbox_2d': [[10, 10, 110, 60]], 'label': 'Cup'}]</answer>"
    assert v_triune.read_boxes(single) == [CUP]
    assert v_triune.format_reward(lines(*GOLD)) == 1 and v_triune.format_reward(single) == 0
    assert v_triune.format_reward(lines(*GOLD) + "\n</answer>") == v_triune.format_reward(lines()) == 0
    half = v_triune.accuracy(lines(("cup", (5, 5, 55, 30))), [CUP], input_wh=(500, 500))
    assert half.final_score == 1
    ratios = {**v_triune.RATIOS, "map50": 0.5}
    both = v_triune.accuracy(lines(CUP), GOLD, ratios=ratios)
    assert both.final_score == pytest.approx(0.6 * (0.575 + 0.5 * 0.5) / 1.5)
    assert v_triune.accuracy(lines(CUP), GOLD, ratios={**ratios, "map": 1.5}).final_score == 0
    assert v_triune.final(0.6, 1.0) == pytest.approx(0.7 / 1.1)
    assert v_triune.tag_counts("<think>\nx\n</think>\n<answer>\n7\n</answer>") == 1
    assert v_triune.tag_counts("<think>x</think><answer>\n7\n</answer>") == 0.25


def by_hand(found, gold, duplicate=0.3):
    """The rule, label by label, on the thresholds that are left after names of one decimal collide."""
    total = 0.0
    for threshold in (0.5, 0.6, 0.6, 0.7, 0.7, 0.85, 0.85, 0.85, 0.95, 0.95):
        claims = [0] * len(gold)
        for name, box in found:
            fits = [iou(box, other) if name == n else 0.0 for n, other in gold]
            if fits and max(fits) > threshold:
                claims[fits.index(max(fits))] += 1
        total += sum(1 - duplicate * (n - 1) for n in claims if n)
    return total / 10


def test_the_detection_reward_of_big_vision_against_the_rule_by_hand():
    chance = random.Random(3)

    def boxes(count):
        corners = [(chance.randint(0, 300), chance.randint(0, 300)) for _ in range(count)]
        return [
            (chance.choice("ab"), (x, y, x + chance.randint(150, 400), y + chance.randint(150, 400)))
            for x, y in corners
        ]

    values = []
    for _ in range(60):
        gold = boxes(chance.randint(0, 4))
        shifted = [(n, tuple(v + chance.randint(-25, 25) for v in box)) for n, box in gold]
        found = [*shifted, *boxes(chance.randint(0, 2)), *shifted[:1]]
        values.append(by_hand(found, gold))
        assert big_vision.reward(found, gold) == pytest.approx(values[-1], abs=1e-5)
    assert max(values) > 1 and len(set(values)) > 10


def test_big_visions_digits_weights_and_failure():
    def wide(columns):
        return ("cup", (0, 0, columns, 1000))

    label = [wide(1000)]
    assert big_vision.reward([wide(780)], label) == pytest.approx(0.5), "six of ten distinct thresholds"
    assert big_vision.reward([wide(930)], label) == pytest.approx(0.8)
    assert big_vision.reward([wide(580)], label) == pytest.approx(0.1)
    assert big_vision.reward([wide(1000)] * 3, label) == pytest.approx(0.4)
    assert big_vision.reward([wide(1000), FAR, FAR], label) == 1, "what matches nothing is free"
    weights = big_vision.class_weights({"cup": 40, "fork": 10})
    assert weights == pytest.approx({"cup": 2 * 12.5 / 55, "fork": 2 * 42.5 / 55})
    assert big_vision.reward([wide(1000)], label, weights) == pytest.approx(weights["cup"])
    with pytest.raises(ValueError, match=r"0\.5"):
        big_vision.reward(label, label, thresholds=(0.6, 0.7))


@pytest.mark.parametrize(
    ("text", "form", "accuracy", "structure"),
    [
        ('<think>a</think><answer>{"boxes": [0, 0, 10, 8]}</answer>', 1, 0.8, 0.5),
        (' <think>a</think> <answer> {"boxes": ["0", "0", "10", "8"]} </answer> ', 1, 0.8, 0.5),
        ('<answer>{"boxes": [0, 0, 10, 8]}</answer>', 0, 0.8, 0),
        ('{"boxes": [0, 0, 10, 8]}', 0, 0.8, 0),
        ('So: <think>a</think><answer>{"boxes": [0, 0, 10, 8]}</answer>', 0, 0.8, 0),
        ('<think>a</think><answer>{"box": [0, 0, 10, 8]}</answer>', 1, 0, 0),
        ('<think>a</think><answer>{"boxes": [NaN, 7, 7, 7]}</answer>', 1, 0, 0.5),
        ('<think>a</think><answer>{"boxes": [10, 8, 0, 0]}</answer>', 1, 0, 0.5),
        ("<think>a</think><answer>7</answer>", 1, 0, 0),
    ],
)
def test_onethinkers_reward_of_one_box(text, form, accuracy, structure):
    found = onethinker_box.box_reward(text, (0, 0, 10, 10))
    assert found == pytest.approx((0.9 * accuracy + 0.1 * form + structure, form, accuracy, structure))


@pytest.mark.parametrize(
    ("setting", "key", "full"), [("vlm_r1", "bbox_2d", 2.0), ("onethinker", "boxes", 1.5)]
)
def test_grounding_asks_for_what_another_projects_reward_reads(setting, key, full):
    task = load_task("grounding", {"key": key})
    shown = (Image(Path("a.png"), (1000, 500)),)
    record = Record("a", shown, (Annotation("phrase", "the cup", Boxes(((100.0, 50.0, 500.0, 250.0),))),))
    (example,) = task.examples([record])
    scorer = Scorer(task, RewardOptions(setting=setting, allow_unsafe_reward=True))
    frames = [shown[0].frame("norm1000", (500, 500))]
    text = task.gold(example, frames)
    assert f'"{key}": [100, 100, 500, 500]' in text and f'"{key}"' in task.question(example, frames)
    assert scorer.score_text(text, example, frames).reward == pytest.approx(full)
    half = scorer.score_text(text.replace("500, 500", "300, 500"), example, frames).reward
    assert half == pytest.approx(full - 0.5 * (0.9 if setting == "onethinker" else 1))
    corners = load_task("grounding").gold(replace(example, fields={}), frames)
    assert scorer.score_text(corners, example, frames).reward < 0.2
