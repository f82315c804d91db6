"""No text, read by any task in any form and frame, has a reward below 0, above 1, or NaN."""

import inspect
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reward_answers import ABSTAINED, SAFE, boxes_answer, parsed, terms_of

from vrft.geometry.masks import mask_of_boxes
from vrft.rewards.reward_term import as_term
from vrft.tasks.registry import load_task
from vrft.types import Boxes, CoordinateFrame, Form, Label, Value

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
frames = st.builds(
    CoordinateFrame.whole,
    st.sampled_from(["norm1000", "resized_pixels", "norm1"]),
    st.just((640, 480)),
    st.just((616, 476)),
)
REGION = mask_of_boxes([(0.0, 0.0, 320.0, 480.0)], (480, 640))
TARGETS: dict[str, list[Value]] = {
    "detection": [Boxes(), Boxes(((0.0, 0.0, 320.0, 240.0), (0.0, 0.0, 640.0, 480.0)))],
    "classification": [Label("rose", ("rose", "tulip"))],
    "grounding": [Boxes(((0.0, 0.0, 320.0, 240.0),), mask=REGION)],
}


def safe_terms(name):
    """Every term that training can be told to use, by name."""
    task = load_task(name)
    found = {f"{setting}.{name}": f for setting, terms in task.settings.items() for name, f in terms.items()}
    terms = {label: as_term(f) for label, f in {**found, **task.terms}.items()}
    return {label: term for label, term in terms.items() if not term.unsafe}


def rewards(name, answer, progress):
    for label, term in safe_terms(name).items():
        options = {"progress": progress} if "progress" in inspect.signature(term.reward).parameters else {}
        for target in TARGETS[name]:
            yield label, target, term(answer, target, **options)


def test_every_setting_and_every_further_term_is_covered():
    assert all(len(safe_terms(name)) > len(load_task(name).terms) for name in TARGETS)


progress = st.floats(0, 1)
lengths = st.none() | st.integers(0, 10**6)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=300, deadline=None)
@given(
    text=texts, wrapped=st.booleans(), frame=frames, form=st.sampled_from(Form), done=progress, length=lengths
)
def test_every_term_is_finite_and_between_0_and_1(name, text, wrapped, frame, form, done, length):
    answer = parsed(name, f"<answer>[{text}]</answer>" if wrapped else text, form, frame)
    answer = replace(answer, n_tokens=length)
    for label, target, value in rewards(name, answer, done):
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
    answer = boxes_answer([b for b, _ in boxes], [c for _, c in boxes], n_tokens=length)
    for label, target, value in rewards(name, answer, done):
        assert 0.0 <= value <= 1.0, (label, target)


def test_with_nothing_to_find_an_abstention_has_all_and_boxes_nothing_of_every_term_about_boxes():
    task, nothing = load_task("detection"), Boxes()
    about_boxes = {n: t for n, t in task.terms.items() if not n.startswith(("length", "no_", "confidence"))}
    assert len(about_boxes) == 11
    box = boxes_answer([(0.0, 0.0, 10.0, 10.0)], [0.0])
    for name, term in about_boxes.items():
        assert (term(ABSTAINED, nothing), term(box, nothing)) == (1.0, 0.0), name
        assert term(ABSTAINED, Boxes(box.value.xyxy_px)) == 0.0, name


def test_an_honest_answer_beats_the_known_attacks():
    target = Boxes(((100.0, 303.0, 200.0, 400.0),))

    def total(setting: str, content: str) -> float:
        answer = parsed("detection", f"<think>I look.</think><answer>{content}</answer>")
        return sum(term(answer, target) for term in terms_of("detection", setting).values())

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
    for setting in SAFE:
        assert max(total(setting, attack) for attack in attacks) < total(setting, honest) - 0.5
