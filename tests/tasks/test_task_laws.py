"""Laws that hold for every task in the folder, found by ``task_names``."""

import itertools
from pathlib import Path

import pytest

from vrft.errors import InputError
from vrft.geometry.frames import View
from vrft.rewards.reward_term import UnsafeTerm
from vrft.tasks.task import ALIASES, load_task, task_names
from vrft.types import Expression, Form, LabelledBox, Record

# 1000 by 1000 seen as 500 by 500: these boxes are whole in every frame, so the gold answer is exact.
SIDE = (1000, 1000)
VIEWS = [View(kind, SIDE, (500, 500)) for kind in ("thousand", "input_pixels", "unit")]
A, B, C = (100.0, 200.0, 300.0, 440.0), (0.0, 0.0, 1000.0, 1000.0), (996.0, 2.0, 998.0, 4.0)
RECORDS = [
    Record(
        id="one",
        image=Path("one.png"),
        image_wh=SIDE,
        boxes=(LabelledBox("cat", A), LabelledBox("cat", B), LabelledBox("dog", C)),
        category="garden phlox",
        expressions=(Expression("the small one", (A,)), Expression("both", (A, B)), Expression("none", ())),
    ),
    Record(
        id="two",
        image=Path("two.png"),
        image_wh=SIDE,
        boxes=(LabelledBox("dog", B), LabelledBox("cat", A, crowd=True)),
        category="737-200",
        expressions=(Expression("it's 'that' (one)", (C,)),),
    ),
    Record(id="three", image=Path("three.png"), image_wh=SIDE),
]
EVERY = [
    pytest.param(name, view, form, id=f"{name}-{view.kind}-{form}")
    for name, view, form in itertools.product(task_names(), VIEWS, Form)
]


def safe_settings(task):
    """The settings that training takes; the others pay for wrong answers and have tests of their own."""
    return {
        name: terms
        for name, terms in task.rewards.items()
        if not any(isinstance(term, UnsafeTerm) for term in terms.values())
    }


def test_the_papers_tasks_are_there():
    assert task_names() == ["classification", "detection", "grounding"]


@pytest.mark.parametrize("name", [*task_names(), *ALIASES])
def test_a_task_is_found_by_name_and_alias(name):
    assert load_task(name).name == ALIASES.get(name, name)


@pytest.mark.parametrize("name", ["segmentation", "base", "prompts", "", "../detection"])
def test_an_unknown_task_is_refused_with_the_choice(name):
    with pytest.raises(InputError, match="classification, detection, grounding"):
        load_task(name)


@pytest.mark.parametrize(("name", "view", "form"), EVERY)
def test_the_gold_answer_earns_every_term_in_full(name, view, form):
    task = load_task(name)
    examples = task.examples(RECORDS)
    assert examples
    for example in examples:
        answer = task.parse(task.gold(example, view, form), view, form)
        assert answer.parsed and answer.formatted and not answer.faults
        for setting, terms in safe_settings(task).items():
            paid = {term: function(answer, example.target) for term, function in terms.items()}
            assert paid == pytest.approx(dict.fromkeys(terms, 1.0)), setting


@pytest.mark.parametrize(("name", "view", "form"), EVERY)
def test_another_forms_gold_costs_the_format_alone(name, view, form):
    task = load_task(name)
    other = next(f for f in Form if f is not form)
    for example in task.examples(RECORDS):
        answer = task.parse(task.gold(example, view, other), view, form)
        for terms in safe_settings(task).values():
            paid = {term: function(answer, example.target) for term, function in terms.items()}
            assert paid == pytest.approx({term: float(term != "format") for term in terms})


@pytest.mark.parametrize(("name", "view", "form"), EVERY)
def test_copying_the_prompt_is_no_right_answer(name, view, form):
    task = load_task(name)
    example = task.examples(RECORDS)[0]
    prompt = task.ask(example, view, form)
    for copied in (
        prompt,
        f"<think> ... </think> <answer>{task.example_answer}</answer>",
        task.example_answer,
    ):
        answer = task.parse(copied, view, form)
        for setting in ("paper", "recommended"):
            assert sum(term(answer, example.target) for term in task.rewards[setting].values()) == 0.0


@pytest.mark.parametrize("name", task_names())
def test_examples_are_stable_unique_and_point_to_their_record(name):
    task = load_task(name)
    examples = task.examples(RECORDS)
    assert examples == task.examples(list(RECORDS))
    assert len({example.id for example in examples}) == len(examples)
    records = {record.id: record for record in RECORDS}
    for example in examples:
        record = records[example.record_id]
        assert (example.image, example.image_wh, example.task) == (record.image, record.image_wh, name)
        assert task.group(example)


@pytest.mark.parametrize(("name", "view", "form"), EVERY)
def test_the_prompt_shows_the_answer_and_asks_for_a_thought_only_in_the_thinking_form(name, view, form):
    task = load_task(name)
    for example in task.examples(RECORDS):
        prompt = task.ask(example, view, form)
        assert example.question in prompt and "<answer>" in prompt and "</answer>" in prompt
        assert ("<think>" in prompt) == (form is Form.THINK)
        assert all(option in prompt for option in example.options)
        coordinates = name == "detection" or (name == "grounding" and view.kind != "thousand")
        assert (view.clause in prompt) == coordinates


@pytest.mark.parametrize("name", task_names())
def test_the_paper_setting_and_a_recommendation_exist(name):
    assert {"paper", "mended", "recommended"} <= set(safe_settings(load_task(name)))
    assert "released" in load_task(name).rewards.keys() - safe_settings(load_task(name)).keys()
    assert all("format" in terms for terms in load_task(name).rewards.values())


def test_detection_asks_only_what_the_labels_tell_in_full():
    def record(name, **known):
        boxes = (LabelledBox("cat", A), LabelledBox("dog", B))
        return Record(name, Path(f"{name}.png"), SIDE, boxes=boxes, **known)

    birds = Record("birds", Path("birds.png"), SIDE, boxes=(LabelledBox("bird", A), LabelledBox("cow", B)))
    records = [
        birds,
        record("all"),
        record("none listed", absent=()),
        record("one listed", absent=("bird", "unicorn")),
        record("not every cat", absent=("cow",), not_exhaustive=("cat",)),
    ]
    asked = {}
    for example in load_task("detection").examples(records):
        asked.setdefault(example.record_id, {})[example.question] = len(example.target.boxes_xyxy_px)
    assert asked == {
        "birds": {"bird": 1, "cat": 0, "cow": 1, "dog": 0},
        "all": {"bird": 0, "cat": 1, "cow": 0, "dog": 1},
        "none listed": {"cat": 1, "dog": 1},
        "one listed": {"bird": 0, "cat": 1, "dog": 1},
        "not every cat": {"cow": 0, "dog": 1},
    }


def test_detection_asks_for_absent_categories_and_not_for_crowds():
    asked = {
        (e.record_id, e.question): len(e.target.boxes_xyxy_px)
        for e in load_task("detection").examples(RECORDS)
    }
    assert asked == {
        ("one", "cat"): 2,
        ("one", "dog"): 1,
        ("two", "dog"): 1,  # its cats are a crowd
        ("three", "cat"): 0,
        ("three", "dog"): 0,
    }


def test_classification_asks_where_a_class_is_known():
    examples = load_task("classification").examples(RECORDS)
    assert [(e.record_id, e.target.name) for e in examples] == [("one", "garden phlox"), ("two", "737-200")]
    assert all(e.options == ("737-200", "garden phlox") for e in examples)


def test_grounding_asks_where_one_box_is_meant():
    examples = load_task("grounding").examples(RECORDS)
    assert [(e.record_id, e.question) for e in examples] == [
        ("one", "the small one"),
        ("two", "it's 'that' (one)"),
    ]
