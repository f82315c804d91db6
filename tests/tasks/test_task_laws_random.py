"""Laws of every task on random labels, picture sizes and frames: what is written is what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vrft.config.run_config import Reward
from vrft.geometry.frames import View
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import load_task, task_names
from vrft.types import BoxesTarget, ClassTarget, Expression, Form, LabelledBox, Record

sizes = st.tuples(st.integers(28, 4000), st.integers(28, 4000))
kinds = st.sampled_from(["thousand", "input_pixels", "unit"])
forms = st.sampled_from(Form)
names = st.sampled_from(["rose", "737-200", "Audi S4 Sedan 2012", "pink primrose", "it's", "a, b"])


@st.composite
def records(draw):
    width, height = draw(sizes)

    def span(side):
        low = draw(st.floats(0, side - 2))
        return low, draw(st.floats(low + 1, side))

    def box():
        (x1, x2), (y1, y2) = span(width), span(height)
        return (x1, y1, x2, y2)

    boxes = tuple(LabelledBox("cat", box()) for _ in range(draw(st.integers(1, 6))))
    expressions = (Expression("the one", (box(),)),)
    return Record("r", Path("r.png"), (width, height), boxes, draw(names), expressions)


@pytest.mark.parametrize("name", task_names())
@settings(max_examples=200, deadline=None)
@given(record=records(), kind=kinds, scale=st.floats(0.3, 1.5), form=forms)
def test_the_target_is_read_back_to_rounding(name, record, kind, scale, form):
    task = load_task(name)
    width, height = record.image_wh
    view = View(kind, record.image_wh, (max(28, round(width * scale)), max(28, round(height * scale))))
    for example in task.examples([record]):
        target = example.target
        answer = task.parse(task.gold(example, view, form), view, form)
        if isinstance(target, ClassTarget):
            assert answer.label == target.name
            continue
        assert isinstance(target, BoxesTarget)
        # A box thinner than the frame's last digit cannot be written; two boxes may be written alike.
        written = [view.write(box) for box in target.boxes_xyxy_px]
        assume(all(w[0] < w[2] and w[1] < w[3] for w in written) and len(set(written)) == len(written))
        step = 0.001 if kind == "unit" else 1.0
        tolerance = [step / 2 * side / extent + 1e-6 for side, extent in
                     zip(2 * view.original_wh, 2 * view.extent_wh, strict=True)]  # fmt: skip
        assert answer.formatted and len(answer.boxes_xyxy_px) == len(target.boxes_xyxy_px)
        for read, meant in zip(answer.boxes_xyxy_px, target.boxes_xyxy_px, strict=True):
            assert all(abs(a - b) <= t for a, b, t in zip(read, meant, tolerance, strict=True))


@pytest.mark.parametrize("setting", ["paper", "mended", "recommended"])
@settings(max_examples=100, deadline=None)
@given(record=records(), data=st.data())
def test_the_order_of_boxes_is_free(setting, record, data):
    task, form = load_task("detection"), Form.DIRECT
    view = View("unit", record.image_wh, record.image_wh)
    example = task.examples([record])[0]
    target = example.target
    assert isinstance(target, BoxesTarget)
    order = data.draw(st.permutations(range(len(target.boxes_xyxy_px))))
    confidences = data.draw(
        st.lists(st.integers(0, 100), min_size=len(order), max_size=len(order), unique=True)
    )
    entries = [
        f"{{'Position': [{view.figures(box)}], 'Confidence': {c / 100:.2f}}}"
        for box, c in zip(target.boxes_xyxy_px, confidences, strict=True)
    ]
    scorer = Scorer(task, Reward(setting=setting), form)
    straight, shuffled = (
        scorer.score(f"<answer>[{', '.join(entries[i] for i in chosen)}]</answer>", example, view)
        for chosen in (range(len(entries)), order)
    )
    assert straight.terms == pytest.approx(shuffled.terms, abs=1e-12)


@pytest.mark.parametrize("name", task_names())
@pytest.mark.parametrize(
    "text", ["", " ", "I do not know.", "<answer></answer>", "[[[", "\x00", "答え", "{}" * 40]
)
def test_empty_and_garbage_text_earns_nothing(name, text):
    task = load_task(name)
    record = Record(
        "r",
        Path("r.png"),
        (100, 100),
        (LabelledBox("cat", (10.0, 10.0, 50.0, 50.0)),),
        "rose",
        (Expression("it", (((10.0, 10.0, 50.0, 50.0)),)),),
    )
    example = task.examples([record])[0]
    for form in Form:
        for setting in ("paper", "recommended"):
            scorer = Scorer(task, Reward(setting=setting), form)
            for view in (View("thousand", (100, 100), (100, 100)), View("unit", (100, 100), (56, 56))):
                assert scorer.score(text, example, view).reward == 0.0
