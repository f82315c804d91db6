"""No text, read by any task in any form and frame, earns less than 0, more than 1, or NaN."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from vrft.geometry.frames import View
from vrft.rewards.reward_term import UnsafeTerm
from vrft.tasks.task import load_task, task_names
from vrft.types import Answer, BoxesTarget, ClassTarget, Form, Mask, Target

FRAGMENTS = [
    *(
        "<think>a</think>",
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        ",",
        ":",
    ),
    *("'Position': [1, 2, 300, 400]", "'Confidence': NaN", "'Confidence': -Infinity", "'Confidence': 1e999"),
    *(
        "[0, 0, 1000, 1000]",
        "(0,0),(1000,1000)",
        "9" * 500,
        "-5",
        "0.5",
        "No Objects",
        "rose",
        "\n",
        "'",
        '"',
    ),
    *("{'Position': [0, 0, 500, 500], 'Confidence': 100}", "{'Position': [0, 0, 9e9, 1], 'Confidence': 1}"),
]
texts = st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=20).map("".join))
views = st.builds(
    View, st.sampled_from(["thousand", "input_pixels", "unit"]), st.just((640, 480)), st.just((616, 476))
)
SIDES = (480, 640)
HALF = np.zeros(SIDES, order="F", dtype=np.uint8)
HALF[:, :320] = 1
REGION = Mask(SIDES, coco_mask.encode(HALF)["counts"].decode())
TARGETS: dict[str, list[Target]] = {
    "detection": [BoxesTarget(()), BoxesTarget(((0.0, 0.0, 320.0, 240.0), (0.0, 0.0, 640.0, 480.0)))],
    "classification": [ClassTarget("rose", ("rose", "tulip"))],
    "grounding": [BoxesTarget(((0.0, 0.0, 320.0, 240.0),), REGION)],
}


def safe_terms(name):
    """Every term that training can be told to use, by name."""
    task = load_task(name)
    found = {f"{setting}.{term}": f for setting, terms in task.rewards.items() for term, f in terms.items()}
    return {label: f for label, f in {**found, **task.terms}.items() if not isinstance(f, UnsafeTerm)}


def paid(name, answer, progress):
    for label, term in safe_terms(name).items():
        options = {"progress": progress} if "progress" in inspect.signature(term).parameters else {}
        for target in TARGETS[name]:
            yield label, target, term(answer, target, **options)


def test_every_task_is_covered():
    assert set(TARGETS) == set(task_names())
    assert all(len(safe_terms(name)) > len(load_task(name).terms) for name in TARGETS)


progress = st.floats(0, 1)
lengths = st.none() | st.integers(0, 10**6)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=300, deadline=None)
@given(
    text=texts, wrapped=st.booleans(), view=views, form=st.sampled_from(Form), done=progress, length=lengths
)
def test_every_term_is_finite_and_between_0_and_1(name, text, wrapped, view, form, done, length):
    answer = load_task(name).parse(f"<answer>[{text}]</answer>" if wrapped else text, view, form)
    answer = replace(answer, n_tokens=length)
    for label, target, value in paid(name, answer, done):
        assert 0.0 <= value <= 1.0, (label, target)  # false for NaN
        assert answer.parsed or value == 0.0 or label.endswith("format"), label


@st.composite
def read_boxes(draw):
    x1, y1 = draw(st.floats(0, 639)), draw(st.floats(0, 479))
    return (x1, y1, draw(st.floats(x1, 640, exclude_min=True)), draw(st.floats(y1, 480, exclude_min=True)))


@pytest.mark.parametrize("name", ["detection", "grounding"])
@settings(max_examples=200, deadline=None)
@given(boxes=st.lists(st.tuples(read_boxes(), progress), max_size=12), done=progress, length=lengths)
def test_every_term_of_any_readable_boxes_is_between_0_and_1(name, boxes, done, length):
    answer = Answer(True, True, tuple(b for b, _ in boxes), tuple(c for _, c in boxes), n_tokens=length)
    for label, target, value in paid(name, answer, done):
        assert 0.0 <= value <= 1.0, (label, target)


def test_with_nothing_to_find_an_abstention_earns_all_and_boxes_nothing_of_every_term_about_boxes():
    task, nothing = load_task("detection"), BoxesTarget(())
    about_boxes = {n: t for n, t in task.terms.items() if not n.startswith(("length", "no_", "confidence"))}
    assert len(about_boxes) == 11
    box = Answer(True, True, ((0.0, 0.0, 10.0, 10.0),), (0.0,))
    for name, term in about_boxes.items():
        assert (term(Answer(True, True), nothing), term(box, nothing)) == (1.0, 0.0), name
        assert term(Answer(True, True), BoxesTarget(box.boxes_xyxy_px)) == 0.0, name


def test_an_honest_answer_beats_the_known_attacks():
    view, form = View("thousand", (1000, 1000), (1000, 1000)), Form.THINK
    task = load_task("detection")
    target = BoxesTarget(((100.0, 303.0, 200.0, 400.0),))

    def total(setting: str, content: str) -> float:
        answer = task.parse(f"<think>I look.</think><answer>{content}</answer>", view, form)
        return sum(term(answer, target) for term in task.rewards[setting].values())

    box = "{{'Position': [{}], 'Confidence': {}}}"
    honest = "[" + box.format("100, 303, 200, 395", 0.9) + "]"
    attacks = [
        "",
        "...",
        "No Objects",
        "[]",
        "The final answer is 303.",
        "[" + box.format("700, 303, 800, 900", 1) + "]",  # the y1 that the released prelude compares
        "[" + box.format("200, 400, 100, 303", 1) + "]",
        "[" + box.format("0, 0, 1000, 1000", 1) + "]",
        "[" + box.format("700, 700, 800, 800", 0) + "]",
        "[" + box.format("700, 700, 800, 800", "NaN") + "]",
        "[" + ", ".join(box.format(f"{x}, 303, {x + 100}, 400", 0) for x in range(0, 900, 50)) + "]",
    ]
    for setting in ("paper", "mended", "recommended"):
        assert max(total(setting, attack) for attack in attacks) < total(setting, honest) - 0.5
