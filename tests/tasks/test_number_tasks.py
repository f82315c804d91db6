"""Counting and measuring: what is asked of which labels, and how answers are read and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.data.augment import AugmentOptions, augmented
from vrft.errors import ConfigError
from vrft.tasks.fusion import Candidate
from vrft.tasks.registry import default_task, load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import (
    Annotation,
    Answer,
    Boxes,
    Clock,
    Example,
    Fault,
    Form,
    Image,
    Number,
    Points,
    Prediction,
    Record,
)

COUNTING, MEASURING = load_task("counting"), load_task("measuring")
IMAGE = Image(Path("a.png"), (1000, 500))


def boxes(name: str, count: int, counts: bool = True) -> tuple[Annotation, ...]:
    placed = [Boxes(((10.0 * i, 5.0, 10.0 * i + 8, 40.0),)) for i in range(count)]
    return tuple(Annotation("category", name, box, counts) for box in placed)


def record(id: str, *annotations: Annotation, **fields) -> Record:
    return Record(id, (IMAGE,), annotations, **fields)


def stated(about: str, *pairs: tuple[str, Number]) -> Record:
    return record("a", *(Annotation(about, name, number) for name, number in pairs))


def asked(task, records) -> dict[str, Number]:
    return {example.id: example.target for example in task.examples(records)}


def counted(text: str) -> Answer:
    return COUNTING.parse(text, replace(COUNTING.ask("a", (IMAGE,), "cup"), form=Form.DIRECT), frames())


def frames():
    return [IMAGE.frame("norm1000", (1000, 500))]


def test_boxes_are_counted_where_all_of_them_are_labelled():
    records = [
        record("a", *boxes("cup", 3), *boxes("fork", 1)),
        record("b", *boxes("fork", 2), *boxes("cup", 1, counts=False)),
        record("c", *boxes("cup", 2), not_exhaustive=("cup",)),
        record("d", *boxes("cup", 4), unknown=("fork",)),
        record("e", absent=("cup",)),
        record("f", *boxes("cup", 5), absent=()),
    ]
    assert {id: number.number for id, number in asked(COUNTING, records).items()} == {
        "a#cup": 3, "a#fork": 1, "b#fork": 2, "c#fork": 0, "d#cup": 4, "e#cup": 0, "f#cup": 5,
    }  # fmt: skip


def test_an_image_is_asked_about_a_few_of_many_things_that_it_does_not_show():
    names = [f"thing {i}" for i in range(40)]
    rich = record("rich", *(one for name in names[:10] for one in boxes(name, 1)))
    others = [record(f"other {name}", *boxes(name, 2)) for name in names]
    numbers = asked(COUNTING, [rich, *others])
    of_rich = [number.number for id, number in numbers.items() if id.startswith("rich#")]
    assert sorted(of_rich) == [0] * 10 + [1] * 10
    of_poor = [number.number for id, number in numbers.items() if id.startswith("other thing 7#")]
    assert sorted(of_poor) == [0, 0, 0, 2]
    assert asked(COUNTING, [*others[::-1], rich]) == numbers


def test_what_is_not_there_is_a_class_of_its_own():
    records = [record("a", *boxes("cup", 3), *boxes("fork", 1)), record("b", *boxes("fork", 2))]
    groups = {example.id: example.group for example in COUNTING.examples(records)}
    assert groups == {"a#cup": "cup", "a#fork": "fork", "b#cup": "nothing there", "b#fork": "fork"}


def test_stated_counts_are_asked_about_as_they_are_named():
    by_category = stated("category", ("cup", Number(3.0)), ("fork", Number(0.0)))
    assert asked(COUNTING, [by_category]) == {"a#cup": Number(3.0), "a#fork": Number(0.0)}
    question = stated(
        "question", ("How many?", Number(2.0)), ("How far?", Number(2.5)), ("How high?", Number(2.0, "m"))
    )
    assert asked(COUNTING, [question]) == {"a#q0": Number(2.0)}
    whole = stated("image", ("", Number(12.0)))
    (example,) = COUNTING.examples([whole])
    assert example.target == Number(12.0) and "How many objects are in the image?" in COUNTING.question(
        example, []
    )
    (of_question,) = COUNTING.examples([question])
    assert COUNTING.question(of_question, []).startswith("How many?\nAnswer with a whole number.")
    assert "category 'cup'" in COUNTING.question(COUNTING.examples([by_category])[0], [])
    assert "category 'cup'" in COUNTING.question(COUNTING.ask("a", (IMAGE,), "cup"), [])
    assert COUNTING.question(COUNTING.ask("a", (IMAGE,), "How many cups?"), []).startswith("How many cups?\n")


def test_labels_of_numbers_suggest_a_task_where_no_other_takes_them():
    assert default_task({("question", "number")}) is MEASURING
    assert default_task({("category", "number")}) is default_task({("image", "number")}) is COUNTING
    assert default_task({("category", "boxes")}) is load_task("detection")
    assert default_task({("question", "number"), ("question", "label")}) is not COUNTING


def test_nothing_is_a_count_and_no_abstention():
    for text in ("0", "zero", "none", "There are no cups in the image."):
        answer = counted(f"<answer>{text}</answer>")
        assert answer.value == Number(0.0) and not answer.abstained, text
    zero = COUNTING.examples([record("a", *boxes("cup", 1)), record("b")])[1]
    assert zero.target == Number(0.0) and zero.is_positive
    assert COUNTING.gold(replace(zero, form=Form.DIRECT), []) == "<answer>0</answer>"


def test_points_that_mark_the_things_are_no_counts_but_must_be_as_many():
    tag = '<points x1="12.5" y1="40.0" x2="99" y2="7" alt="cups">cups</points>'
    answer = counted(f"<answer>{tag} make a total of 2.</answer>")
    assert (answer.value, answer.other) == (Number(2.0), Points(((125.0, 200.0), (990.0, 35.0))))
    wrong = counted(f"<answer>{tag} make a total of 3.</answer>")
    assert wrong.value is None and Fault.SEVERAL_NUMBERS in wrong.faults
    assert counted(f"<answer>{tag}</answer>").value is None
    alone = COUNTING.parse(f"<answer>{tag} 2</answer>", COUNTING.ask("a", (IMAGE,), "cup"), [])
    assert (alone.value, alone.other) == (Number(2.0), None)


def test_a_number_that_was_cut_off_is_unread():
    for task in (COUNTING, MEASURING):
        example = task.ask("a", (IMAGE,), "cup")
        assert not task.parse("<think> I look. </think> <answer>12", example, []).parsed
        assert task.parse("<think> I look. </think> 12", example, []).parsed


def test_labels_that_are_not_asked_about_are_named():
    numbers = stated(
        "question", ("How many?", Number(2.0)), ("How far?", Number(2.5)), ("How high?", Number(2.0, "m"))
    )
    assert COUNTING.unused_label_notes([numbers]) == [
        "Not asked about, since a count is a whole number from 0 without a unit: 2.5 (a), 2 m (a)."
    ]
    none = stated("question", ("How long?", Number(2.5)))
    assert not COUNTING.examples([none]) and "2.5 (a)" in COUNTING.unused_label_notes([none])[0]
    assert (
        COUNTING.unused_label_notes([record("a", *boxes("cup", 1))])
        == MEASURING.unused_label_notes([numbers])
        == []
    )
    in_kg, short = replace(MEASURING, unit="kg"), replace(MEASURING, least=0.0, most=2.2)
    assert in_kg.unused_label_notes([numbers]) == ["Not asked about, since no such number is in kg: 2 m (a)."]
    assert short.unused_label_notes([numbers]) == [
        "Not asked about, since an answer lies from 0.0 to 2.2: 2.5 (a)."
    ]


def measured(number: Number, **options) -> tuple:
    task = replace(MEASURING, **options)
    return task, [
        replace(e, form=Form.DIRECT) for e in task.examples([stated("question", ("How long?", number))])
    ]


def test_a_measurement_is_asked_for_in_its_unit_and_read_in_any():
    task, (example,) = measured(Number(0.46, "m"))
    assert "How long?\nAnswer with one number in m.\n" in task.question(example, [])
    assert task.gold(example, []) == "<answer>0.46</answer>"
    for text, formatted in (("0.46", True), ("0.46 m", True), ("46 cm", False), ("about 0.46 metres", False)):
        answer = task.parse(f"<answer>{text}</answer>", example, [])
        assert (answer.value, answer.formatted) == (Number(0.46, "m"), formatted), text
        assert task.success(answer, example.target)
    assert task.parse("<answer>0.46 kg</answer>", example, []).faults == (Fault.OTHER_UNIT,)


def test_without_a_unit_a_number_may_have_any():
    task, (example,) = measured(Number(2.5))
    assert "one number.\n" in task.question(example, [])
    for text in ("2.5", "2.5 m", "2.5 cm"):
        assert task.success(task.parse(f"<answer>{text}</answer>", example, []), example.target)


def test_labels_are_converted_to_the_unit_of_the_task_and_left_out_where_they_cannot_be():
    task, (example,) = measured(Number(46.0, "cm"), unit="m")
    assert example.target == Number(0.46, "m")
    assert "in m" in task.question(task.ask("a", (IMAGE,), "How long?"), [])
    assert measured(Number(3.0), unit="m")[1][0].target == Number(3.0, "m")
    assert measured(Number(3.0, "kg"), unit="m")[1] == []


def test_bounds_are_said_in_the_prompt_and_what_is_outside_is_unread():
    task, (example,) = measured(Number(3.0, "m"), least=0.0, most=10.0)
    assert "in m, at least 0 and at most 10." in task.question(example, [])
    outside = task.parse("<answer>1100 cm</answer>", example, [])
    assert outside.value is None and outside.faults[-1] is Fault.OUT_OF_RANGE and not outside.formatted
    assert task.parse("<answer>1000 cm</answer>", example, []).value == Number(10.0, "m")
    assert measured(Number(11.0, "m"), most=10.0)[1] == []


@pytest.mark.parametrize("task", [COUNTING, MEASURING], ids=lambda task: task.name)
@settings(max_examples=40, deadline=None)
@given(numbers=st.lists(st.integers(0, 50), min_size=1, max_size=9), wild=st.integers(0, 10**6))
def test_the_median_is_one_of_the_answers_and_no_wild_one_moves_it_far(task, numbers, wild):
    def fused(values) -> float:
        said = [Candidate(Answer(Number(float(v)), True), None, 3) for v in values]
        return task.fuse([*said, Candidate(Answer(), None, 3)]).value.number

    assert fused(numbers) == sorted(numbers)[(len(numbers) - 1) // 2]
    assert min(numbers) <= fused([*numbers, wild]) <= max(numbers) or len(numbers) == 1


def test_numbers_in_several_units_are_fused_and_compared():
    said = [Number(1.0, "m"), Number(120.0, "cm"), Number(9.0, "ft")]
    fused = MEASURING.fuse([Candidate(Answer(number, True), None, 3) for number in said])
    assert fused.value == Number(120.0, "cm")
    assert MEASURING.similarity(Number(1.0, "m"), Number(100.0, "cm")) == 1
    assert MEASURING.similarity(Number(1.0, "m"), Number(1.0, "kg")) == 0
    assert Number(1.0, "m").same_as(Number(100.0, "cm")) and not Number(1.0, "m").same_as(Number(1.0))


def test_metrics_by_hand():
    def metric(task, name: str, *pairs: tuple[float | None, float]) -> float:
        predictions = [
            Prediction(
                Example(f"{i}", f"{i}", task.name, (IMAGE,), "?", Number(right)),
                Answer() if number is None else Answer(Number(number), True),
            )
            for i, (number, right) in enumerate(pairs)
        ]
        return next(m for m in task.metrics if m.name == name).value(predictions)

    pairs = ((3, 3), (4, 3), (8, 5), (None, 6), (None, 0))
    assert metric(COUNTING, "accuracy", *pairs) == pytest.approx(1 / 5)
    assert metric(COUNTING, "mae", *pairs) == pytest.approx((0 + 1 + 3 + 6 + 1) / 5)
    assert metric(COUNTING, "within_one", *pairs) == pytest.approx(2 / 5)
    assert metric(MEASURING, "accuracy", (1.04, 1.0), (0.94, 1.0), (0.0, 0.0)) == pytest.approx(2 / 3)
    assert metric(MEASURING, "mra", (1.8, 2.0), (2.5, 2.0), (None, 2.0), (0.0, 0.0)) == pytest.approx(2.3 / 4)


def test_no_view_of_a_part_is_asked_for_a_number_of_the_whole():
    (example,) = COUNTING.examples([record("a", *boxes("cup", 3))])
    views = [augmented(example, AugmentOptions(flip=0.5, crop=1.0, scale=0.5), seed) for seed in range(8)]
    assert any(view.image.mirrored for view in views) and not any(view.image.window_px for view in views)
    assert not example.target.survives_view((0.0, 0.0, 10.0, 10.0), False)


@pytest.mark.parametrize("task", [COUNTING, MEASURING], ids=lambda task: task.name)
def test_settings_of_projects_are_refused_in_training_and_failures_count_zero(task):
    (example,) = task.examples([stated("question", ("How many?", Number(0.0)))])
    example = replace(example, form=Form.DIRECT)
    options = RewardOptions(setting="vsi_bench", allow_unsafe_reward=True)
    rollout = Scorer(task, options).score_text("<answer>0</answer>", example, [])
    assert rollout.reward == 0 and [failure.term for failure in rollout.failures] == ["mra"]
    whole = Scorer(task, RewardOptions(setting="onethinker", allow_unsafe_reward=True))
    assert whole.score_text("<think>a</think><answer>0</answer>", example, []).reward == pytest.approx(1.5)
    for setting in ("vsi_bench", "onethinker"):
        with pytest.raises(ConfigError, match="allow_unsafe_reward"):
            Scorer(task, RewardOptions(setting=setting))


def test_snra_is_given_how_far_the_training_is():
    (example,) = MEASURING.examples([stated("question", ("How long?", Number(10.0, "m")))])
    scorer = Scorer(MEASURING, RewardOptions(setting="snra", options={"snra": {"k_max": 100.0}}))
    text = "<think> I look. </think> <answer>9</answer>"
    first, last = (scorer.score_text(text, example, [], now=Clock(step, 10)).terms["snra"] for step in (0, 9))
    assert 0.98 < first < 1 and last == pytest.approx(
        2 / (1 + 2.718281828 ** (0.01 * (1 + 99 / 1.0907))), 1e-3
    )
