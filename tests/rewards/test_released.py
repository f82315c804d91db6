"""The released rewards as settings: found by name, unsafe, exact in their notation, and never in the way."""

from __future__ import annotations

import math
import re
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reward_answers import FRAME, terms_of

from vrft.errors import ConfigError
from vrft.rewards.papers.visual_rft_released import released_classification as classification
from vrft.rewards.papers.visual_rft_released import released_detection as detection
from vrft.rewards.papers.visual_rft_released import released_grounding as grounding
from vrft.rewards.papers.visual_rft_released.released_reading import answer_of, has_format, same_number
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Answer, Boxes, Example, Image, Label, Value

MIDDLE = (400.0, 400.0, 600.0, 600.0)
TARGETS: dict[str, Value] = {
    "detection": Boxes(((100.0, 300.0, 200.0, 400.0), MIDDLE)),
    "classification": Label("garden phlox"),
    "grounding": Boxes((MIDDLE,)),
}


@pytest.mark.parametrize("name", TARGETS)
def test_every_task_of_the_paper_has_the_released_setting_and_it_is_unsafe(name):
    terms = terms_of(name, "released")
    assert terms.keys() == terms_of(name, "paper").keys()
    assert all(term.unsafe for term in terms.values())
    with pytest.raises(ConfigError, match="allow_unsafe_reward"):
        Scorer(load_task(name), RewardOptions(setting="released"))


@pytest.mark.parametrize(
    ("name", "gold"),
    [
        ("detection", detection.gold_text(TARGETS["detection"])),
        ("classification", classification.gold_text(TARGETS["classification"])),
        ("grounding", grounding.gold_text(TARGETS["grounding"])),
    ],
)
def test_the_right_answer_in_the_released_notation_has_all(name, gold):
    answer = Answer(text=f"<think>I look.</think> {gold}")
    for term in terms_of(name, "released").values():
        assert term(answer, TARGETS[name]) == term.high


def allowed(task: str) -> Scorer:
    return Scorer(load_task(task), RewardOptions(setting="released", allow_unsafe_reward=True))


def asked(task: str) -> Example:
    return Example("a", "a", task, (Image(Path("a.png"), (1000, 1000)),), "it", TARGETS[task])


def test_in_training_a_hole_is_clipped_and_counted():
    scorer, example = allowed("grounding"), asked("grounding")
    found = scorer.score_text("<think>a</think><answer>(9999,9999),(0,0)</answer>", example, [FRAME])
    assert found.terms == {"iou": 2.0, "format": 1.0} and found.clipped == ("iou",)


def test_in_training_nan_is_a_failure_and_counts_nothing():
    scorer, example = allowed("detection"), asked("detection")
    text = "<think>a</think><answer>[{'Position': [1, 2, 3, 4], 'Confidence': NaN}]</answer>"
    found = scorer.score_text(text, example, [FRAME])
    assert math.isfinite(found.reward) and [f.term for f in found.failures] == ["confidence"]


PIECES = [
    *("<think>", "</think>", "<answer>", "</answer>", "[", "]", "{", "}", "},", "(", ")", ", ", ",", " "),
    *("'Position': [100, 300, 200, 400]", "'Confidence': NaN", "'Confidence': 1e999", "'Confidence': 'x'"),
    *("{'Position': [1, 2, 300, 400], 'Confidence': 0.5}", "(0,0),(1000,1000)", "No Objects", "\n", "final"),
    *("answer is", " 303", "9" * 5000, "garden", "phlox", "'", '"', "null", "true", "-Infinity", "[" * 2000),
]
texts = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=20).map("".join))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=300, deadline=None)
@given(text=texts, tagged=st.booleans())
def test_whatever_the_text_a_number_comes_back(name, text, tagged):
    answer = Answer(text=f"<think></think><answer>{text}</answer>" if tagged else text)
    values = {n: term(answer, TARGETS[name]) for n, term in terms_of(name, "released").items()}
    assert all(isinstance(value, float) for value in values.values())
    assert values["format"] in (0.0, 1.0)
    if name == "detection":
        assert 0.0 <= values["iou"] <= 1.0
        assert 0.0 <= values["confidence"] <= 1.0 or math.isnan(values["confidence"])


tags = st.lists(
    st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "\n", " ", "a"]), max_size=12
)


@settings(max_examples=500, deadline=None)
@given(tags.map("".join))
def test_tags_are_found_as_the_released_expressions_find_them(text):
    for over_lines, flags in ((False, 0), (True, re.DOTALL)):
        match = re.search(r"<answer>(.*?)</answer>", text, flags)
        assert answer_of(text, over_lines) == (match.group(1) if match else text).strip()
    form = r"<think>.*?</think>\s*<answer>.*?</answer>"
    assert has_format(text) is bool(re.fullmatch(form, text, re.DOTALL))


@pytest.mark.parametrize(
    "text",
    ["answer " * 50_000, "final answer" + " " * 200_000, " 1" * 100_000, "=" * 200_000, "9" * 200_000,
     "<answer>" * 20_000, "<think>" + "</think> <answer>" * 10_000, "answer" + " 1 " * 60_000 + "=",
     "(1,2),(3,4)" * 20_000, "final answer is " * 15_000, "<answer>\n" * 20_000 + "</answer>"],
)  # fmt: skip
def test_hostile_text_takes_no_time(text):
    start = process_time()
    for name, target in TARGETS.items():
        for term in terms_of(name, "released").values():
            term(Answer(text=text), target)
    assert process_time() - start < 5.0


@settings(deadline=None)
@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 999), st.sampled_from([", ", ","]))
def test_the_prelude_takes_the_second_number_of_a_list_with_blanks(first, second, gold, between):
    numbers = between.join(map(str, (first, second, 1000, 1000)))
    text = f"<answer>[{{'Position': [{numbers}], 'Confidence':0.5}}]</answer>"
    label = detection.gold_text(Boxes(((5.0, float(gold), 1000.0, 1000.0),)))
    assert same_number(text, label) == (second == gold and between == ", ")
