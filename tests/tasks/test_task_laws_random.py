"""Laws of the tasks on random labels, image sizes and frames: what is written is what is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lawful import TASKS, examples_of, frames_of, safe_scorers, scored

from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Annotation, Boxes, Form, Image, Label, Record

sizes = st.tuples(st.integers(28, 4000), st.integers(28, 4000))
conventions = st.sampled_from(["norm1000", "resized_pixels", "norm1"])
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
        return Boxes(((x1, y1, x2, y2),))

    boxes = tuple(Annotation("category", "cat", box()) for _ in range(draw(st.integers(1, 6))))
    said = (Annotation("image", "", Label(draw(names))), Annotation("phrase", "the one", box()))
    return Record("r", (Image(Path("r.png"), (width, height)),), (*boxes, *said))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@settings(max_examples=200, deadline=None)
@given(record=records(), name=conventions, scale=st.floats(0.3, 1.5), form=forms, mirrored=st.booleans())
def test_the_target_is_read_back_to_rounding(task, record, name, scale, form, mirrored):
    width, height = record.image.size_wh
    input_wh = (max(28, round(width * scale)), max(28, round(height * scale)))
    for asked in task.examples([record]):
        shown = tuple(replace(one, mirrored=mirrored) for one in asked.media)
        example = replace(asked, form=form, media=shown)
        frames = [one.frame(name, input_wh) for one in shown]
        answer = task.parse(task.gold(example, frames), example, frames)
        target = example.target
        places = target.evidence_boxes
        if not places:
            assert answer.value.same_as(target)
            continue
        # A box thinner than the frame's last digit cannot be written; two places may be written alike.
        written = [_written(shape.numbers, frames[0]) for shape in target.shapes()]
        thin = any(len(w) == 4 and not (w[0] < w[2] and w[1] < w[3]) for w in written)
        assume(not thin and len(set(written)) == len(written))
        read = answer.value.shapes()
        meant = [shape for shape in target.shapes() if shape.kind in {one.kind for one in read}]
        step = 0.001 if name == "norm1" else 1.0
        tolerance = [step / 2 * side / extent + 1e-6 for side, extent in
                     zip(2 * record.image.size_wh, 2 * frames[0].extent_wh, strict=True)]  # fmt: skip
        assert answer.formatted and len(read) == len(meant)
        for one, other in zip(read, meant, strict=True):
            pairs = zip(one.numbers, other.numbers, tolerance, strict=False)
            assert one.text == other.text and all(abs(a - b) <= t for a, b, t in pairs)


def _written(numbers, frame):
    """The corners of a box, or a point, as the frame writes them."""
    places = [frame.from_px(*numbers[i : i + 2]) for i in range(0, len(numbers), 2)]
    return tuple(
        n for place in (places[::-1] if frame.mirrored and len(places) == 2 else places) for n in place
    )


@pytest.mark.parametrize("setting", ["paper", "released_fixed", "recommended"])
@settings(max_examples=100, deadline=None)
@given(record=records(), data=st.data())
def test_the_order_of_boxes_is_free(setting, record, data):
    task = load_task("detection")
    example = replace(task.examples([record])[0], form=Form.DIRECT)
    frames = [example.image.frame("norm1", example.image.size_wh)]
    target = example.target
    order = data.draw(st.permutations(range(target.size)))
    hundredths = st.lists(st.integers(0, 100), min_size=len(order), max_size=len(order), unique=True)
    scores = [score / 100 for score in data.draw(hundredths)]
    scorer = Scorer(task, RewardOptions(setting=setting))
    straight, shuffled = (
        scorer.score_text(
            task.gold(
                replace(
                    example,
                    target=Boxes(tuple(target.xyxy_px[i] for i in chosen), tuple(scores[i] for i in chosen)),
                ),
                frames,
            ),
            example,
            frames,
        )
        for chosen in (range(len(order)), order)
    )
    assert straight.terms == pytest.approx(shuffled.terms, abs=1e-12)


TAGS = ("<think>", "</think>", "<answer>", "</answer>", "No Objects", "[", "]", "{'Position': ", "nan", "#")
WORDS = (
    "(1,2),",
    "100, ",
    "-3",
    "1e999",
    "0.5",
    "12",
    "'Confidence': 1.0}",
    "cat",
    "garden phlox",
    " ",
    "\n",
    "答",
)
pieces = st.sampled_from((*TAGS, *WORDS))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@settings(max_examples=150, deadline=None)
@given(text=st.one_of(st.lists(pieces, max_size=12).map("".join), st.text(max_size=80)), data=st.data())
def test_whatever_is_written_is_read_without_raising_and_every_term_lies_in_its_range(task, text, data):
    example = data.draw(st.sampled_from(examples_of(task, data.draw(forms))))
    frames = frames_of(example, data.draw(conventions))
    for scorer in safe_scorers(task):
        rollout = scored(scorer, text, example, frames)
        for name, value in rollout.terms.items():
            assert value is None or scorer.terms[name].low <= value <= scorer.terms[name].high
        answer = rollout.answer
        assert answer.text == text and (not answer.formatted or (answer.parsed and not answer.faults))
        assert 0 <= task.score(answer, example.target) <= 1
        assert task.success(answer, example.target) in (True, False)
        if isinstance(answer.value, task.answer):
            alike = task.similarity(answer.value, example.target)
            assert 0 <= alike <= 1
            assert task.similarity(example.target, answer.value) == pytest.approx(alike)
