"""No text, read by any task in any form and frame, earns less than 0, more than 1, or NaN."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.geometry.frames import View
from vrft.tasks.base import load_task, task_names
from vrft.types import BoxesTarget, ClassTarget, Form, Target

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
TARGETS: dict[str, list[Target]] = {
    "detection": [BoxesTarget(()), BoxesTarget(((0.0, 0.0, 320.0, 240.0), (0.0, 0.0, 640.0, 480.0)))],
    "classification": [ClassTarget("rose", ("rose", "tulip"))],
    "grounding": [BoxesTarget(((0.0, 0.0, 320.0, 240.0),))],
}


def test_every_task_is_covered():
    assert set(TARGETS) == set(task_names())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=300, deadline=None)
@given(text=texts, wrapped=st.booleans(), view=views, form=st.sampled_from(Form))
def test_every_term_is_finite_and_between_0_and_1(name, text, wrapped, view, form):
    task = load_task(name)
    answer = task.parse(f"<answer>[{text}]</answer>" if wrapped else text, view, form)
    for target in TARGETS[name]:
        for setting in task.rewards.values():
            for term in setting.values():
                assert 0.0 <= term(answer, target) <= 1.0  # false for NaN


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
    for setting in task.rewards:
        assert max(total(setting, attack) for attack in attacks) < total(setting, honest) - 0.5
