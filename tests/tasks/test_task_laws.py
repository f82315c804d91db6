"""Laws that hold for every task that is known, of this package or of another."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from lawful import (
    FRAMES,
    RECORDS,
    TASKS,
    examples_of,
    frames_of,
    safe_scorers,
    scored,
    shown_as,
    within,
)

from vrft.diagnostics import task_laws as laws
from vrft.errors import InputError
from vrft.tasks.fusion import Candidate
from vrft.tasks.registry import load_task, task_of
from vrft.types import Answer, Form, Number, Permutation, Prediction, Value, distinct

EVERY = [
    pytest.param(task, name, shown, form, id=f"{task.name}-{name}-{what}-{form}")
    for task in TASKS
    for name, (what, shown) in FRAMES
    for form in Form
]
PLAIN = [param for param in EVERY if "whole" in param.id]


def held(task, shown, form):
    """The questions whose target is still right of what is shown."""
    window, mirrored = shown.get("window_px"), shown.get("mirrored", False)
    for example in examples_of(task, form):
        if example.target.survives_view(window, mirrored):
            yield shown_as(example, shown)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_says_what_it_is(task):
    assert load_task(task.name) is task and task.answer.kind in Value.kinds()
    assert not list(laws.it_says_what_it_is(task, [], "norm1000"))
    assert {about for about, _ in task.needs} <= {"image", "phrase", "question", "category"}
    assert {kind for _, kind in task.needs} <= set(Value.kinds())


@pytest.mark.parametrize(("task", "name", "shown", "form"), EVERY)
def test_gold_is_read_back_in_every_frame_and_earns_every_term_in_full(task, name, shown, form):
    examples = list(held(task, shown, form))
    assert not list(laws.gold_is_read_back_and_rewarded_in_full(task, examples, name))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_target_is_held_by_the_whole_image(task):
    assert len(list(held(task, {}, Form.THINK))) == len(examples_of(task))


@pytest.mark.parametrize(("task", "name", "shown", "form"), PLAIN)
def test_another_forms_gold_costs_the_format_alone(task, name, shown, form):
    assert not list(laws.another_form_costs_the_format_alone(task, examples_of(task, form), name))


@pytest.mark.parametrize(("task", "name", "shown", "form"), PLAIN)
def test_copying_the_prompt_is_not_a_right_answer(task, name, shown, form):
    assert not list(laws.copying_the_prompt_earns_nothing(task, examples_of(task, form), name))


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_empty_and_garbage_text_earns_nothing(task, form):
    for name, _ in FRAMES[::4]:
        assert not list(laws.garbage_earns_nothing(task, examples_of(task, form), name))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_without_frames_nothing_raises_and_nothing_is_converted(task):
    for example in examples_of(task):
        text = task.gold(example, frames_of(example, "norm1000"))
        answer = task.parse(text, example, [])
        places = example.target.evidence_boxes
        assert answer.parsed != bool(places), "places cannot be read without a frame, all else can"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_examples_are_stable_unique_and_point_to_their_record(task):
    examples = list(task.examples(RECORDS))
    assert examples == list(task.examples(list(RECORDS)))
    assert len({example.id for example in examples}) == len(examples)
    records = {record.id: record for record in RECORDS}
    for example in examples:
        assert example.media and {one.path for one in example.media} <= {
            one.path for one in records[example.record_id].media
        }
        assert example.group and example.target is not None and task_of(example) is task
        assert isinstance(example.target, task.answer)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_targets_survive_their_codec(task):
    assert not list(laws.targets_survive_their_codec(task, examples_of(task), "norm1000"))


@pytest.mark.parametrize(("task", "name", "shown", "form"), PLAIN)
def test_the_prompt_shows_the_answer_and_asks_for_a_thought_only_in_the_thinking_form(
    task, name, shown, form
):
    examples = examples_of(task, form)
    assert not list(laws.the_prompt_shows_what_to_write(task, examples, name))
    for example in examples:
        shown_answer = re.search(
            r"<answer>(.+?)</answer>", prompt := task.question(example, frames_of(example, name))
        )
        assert shown_answer and (task.example_answer in prompt or f"{example.question} name" in prompt)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_of_a_target_of_another_kind_no_gold_is_written(task):
    other = Permutation((0,)) if task.answer is not Permutation else Number(1.0)
    example = replace(examples_of(task)[0], target=other)
    with pytest.raises((InputError, TypeError)):
        task.gold(example, frames_of(example, "norm1000"))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_question_can_be_asked_that_nobody_has_labelled(task):
    labelled = examples_of(task)[0]
    asked = task.ask("photo", labelled.media, labelled.question)
    assert (asked.target, asked.record_id, asked.task) == (None, "photo", task.name)
    frames = frames_of(asked, "norm1000")
    assert task.question(asked, frames)
    rollout = scored(safe_scorers(task)[0], task.gold(labelled, frames), asked, frames)
    assert rollout.answer.parsed and any(value is None for value in rollout.terms.values())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_it_asks_about_unlabelled_images_if_and_only_if_it_needs_no_labels(task):
    bare = [replace(record, annotations=()) for record in RECORDS]
    assert bool(list(task.examples(bare))) == (not task.needs)
    full = {pair for record in RECORDS for one in record.annotations for pair in [one.provides]}
    if list(task.examples(RECORDS)):
        assert task.fits(full) or not task.needs, "it asks about labels that it does not say it needs"
        needs = task.asks_about(RECORDS)
        needed = [
            replace(r, annotations=tuple(a for a in r.annotations if a.provides in needs)) for r in RECORDS
        ]
        assert list(task.examples(needed)) == list(task.examples(RECORDS)) != []


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_questions_do_not_depend_on_the_order_of_the_records(task):
    forward = {example.id: example for example in task.examples(RECORDS)}
    assert {example.id: example for example in task.examples(RECORDS[::-1])} == forward
    # Nor on further images whose labels have the same names.
    copies = [replace(record, id=f"again {record.id}") for record in RECORDS]
    more = {example.id: example for example in task.examples([*copies, *RECORDS])}
    assert {id: more.get(id) for id in forward} == forward


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_categories_that_are_not_labelled_in_full_are_not_asked_about(task):
    if not any(about == "category" for about, _ in task.needs):
        pytest.skip("its questions are not about categories")
    categories = {name for record in RECORDS for name in record.categories}
    partly = [*RECORDS, replace(RECORDS[0], id="partly", not_exhaustive=("cat",), absent=())]
    records = {record.id: record for record in partly}
    for example in task.examples(partly):
        named = {example.question, example.group} & categories
        assert named <= records[example.record_id].known(categories), example.id


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_what_still_holds_of_a_part_is_what_the_labels_of_that_part_say(task):
    parts = [(500, 0, 1500, 1000), (0, 0, 900, 900), (1400, 0, 2000, 500), (1600, 1600, 2000, 2000)]
    for window in parts:
        cut = {example.id: example.target for example in task.examples([within(r, window) for r in RECORDS])}
        for example in task.examples(RECORDS):
            if example.id in cut and example.target.survives_view(window, False):
                assert cut[example.id].same_as(example.target), (window, example.id)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_parser_does_not_look_at_the_target_and_keeps_the_text(task):
    assert not list(laws.the_parser_looks_at_the_text_alone(task, examples_of(task), "norm1000"))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_naming_every_answer_is_not_an_answer(task):
    examples = examples_of(task, Form.DIRECT)
    assert not list(laws.naming_every_answer_is_not_an_answer(task, examples, "norm1000"))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_metrics_rank_gold_above_honest_answers_and_these_above_none(task):
    examples = task.audit_examples(60, np.random.default_rng(0))
    believed = task.audit_beliefs(examples, np.random.default_rng(1))
    systems = [
        [Prediction(example, Answer(value, True)) for example, value in zip(examples, answers, strict=True)]
        for answers in ([e.target for e in examples], believed, [None] * len(examples))
    ]
    for metric in task.metrics:
        gold, honest, none = (metric.value(system) for system in systems)
        if not math.isnan(gold):
            signed = [value if metric.higher_is_better else -value for value in (gold, honest, none)]
            assert signed[0] > signed[1] > signed[2], (metric.name, signed)
        assert metric.unit != "%" or all(0 <= value <= 1 for value in (gold, honest, none) if value == value)
        assert metric.name.isidentifier() and metric.title and metric.unit
    assert not math.isnan(task.metrics[0].value(systems[0]))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_an_audit_has_questions_of_its_own(task):
    examples = task.audit_examples(60, np.random.default_rng(0))
    assert len(examples) == len({example.id for example in examples}) == 60
    assert examples == task.audit_examples(60, np.random.default_rng(0))
    assert len(distinct(example.target for example in examples)) >= 4
    assert all(isinstance(e.target, task.answer) and e.task == task.name and e.group for e in examples)
    believed = task.audit_beliefs(examples, np.random.default_rng(1))
    assert len(believed) == 60 and all(isinstance(value, task.answer) for value in believed)
    for example, value in zip(examples, believed, strict=True):
        frames = frames_of(example, "norm1000")
        answer = task.parse(task.gold(replace(example, target=value), frames), example, frames)
        assert answer.formatted and task.similarity(answer.value, value) == pytest.approx(1)
    right = [task.success(Answer(v), e.target) for e, v in zip(examples, believed, strict=True)]
    assert 0 < sum(right) < 60


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_several_answers_become_one(task):
    assert not list(laws.several_answers_become_one(task, examples_of(task), "norm1000"))
    for example in examples_of(task):
        right = Candidate(Answer(example.target, True), -1.0, 3)
        unread = Candidate(Answer(), -2.0, 3)
        for rule in (None, *task.rules):
            assert task.fuse([right], rule) == right.answer
            assert not task.fuse([unread, unread], rule).parsed


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_majority_is_believed(task):
    examples = task.audit_examples(20, np.random.default_rng(0))
    right = examples[0].target
    others = [e.target for e in examples if task.similarity(e.target, right) < 0.2]
    assert others
    for other in others[:3]:
        said = [Candidate(Answer(value, True), -1.0, 3) for value in (right, other, right, Answer().value)]
        fused = task.fuse(said)
        assert task.similarity(fused.value, right) > task.similarity(fused.value, other)
        assert task.similarity(task.fuse(said, "self_consistency").value, right) == pytest.approx(1)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_labels_that_agree_are_right_answers_to_each_other(task):
    targets = [e.target for e in task.audit_examples(20, np.random.default_rng(0))]
    for one in targets:
        assert one.same_as(one) and task.success(Answer(one, True), one)
        for other in targets:
            assert one.same_as(other) == other.same_as(one)
            assert not one.same_as(other) or task.success(Answer(one, True), other)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_two_answers_are_as_like_in_either_order_and_each_is_like_itself(task):
    asked = task.audit_examples(20, np.random.default_rng(0))
    assert not list(laws.answers_are_as_like_in_either_order(task, asked, "norm1000"))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_sure_answer_becomes_its_own_label(task):
    assert not list(laws.a_sure_answer_becomes_its_own_label(task, examples_of(task), "norm1000"))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_an_answer_can_be_seen(task):
    for example in examples_of(task):
        shapes = example.target.shapes()
        assert shapes or example.target.is_empty
        assert all(shape.numbers or shape.text or shape.region for shape in shapes)
        answer = task.canonical(example.target, example)
        assert answer.describe().strip() and answer.shapes() == shapes
