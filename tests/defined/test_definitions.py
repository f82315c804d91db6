"""What a definition says is what its task does; a file that cannot be meant is refused in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vrft.config.run_config import make_config
from vrft.errors import InputError, RunError
from vrft.report.defined_here import know_defined_tasks
from vrft.tasks import registry
from vrft.tasks.defined import load_definition
from vrft.tasks.registry import load_task, task_of
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import (
    Annotation,
    Boxes,
    CoordinateFrame,
    Form,
    Image,
    Label,
    Names,
    Number,
    Permutation,
    Points,
    Record,
    Text,
    TimeSpan,
)
from vrft.workflows.fit_settings import FitSettings, keep_settings

IMAGE = Image(Path("a.png"), (200, 100))
BASE = {"answer": "{type: number, whole: true}", "question": "How many {subject}?", "right": "exact"}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """What a test loads is not known to the next one."""
    monkeypatch.setattr(registry, "_known", dict(registry._known))


@pytest.fixture
def define(tmp_path):
    def define(file="mine", **keys):
        lines = [f"{key}: {value}" for key, value in {**BASE, **keys}.items() if value is not None]
        (tmp_path / f"{file}.yaml").write_text("\n".join(lines), "utf-8")
        return tmp_path / f"{file}.yaml"

    return define


def record(*annotations, **more):
    return Record("r", (IMAGE,), annotations, **more)


def things(**counts):
    return [
        Annotation("category", name, Boxes(((0.0, 0.0, 10.0 + i, 10.0),)))
        for name, count in counts.items()
        for i in range(count)
    ]


def reward_of(task, content, example, form=Form.DIRECT):
    frames = [CoordinateFrame.whole("norm1000", IMAGE.size_wh)]
    asked = replace(example, form=form)
    return Scorer(task).score_text(f"<answer>{content}</answer>", asked, frames)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"answr": "x"}, "line 4: answr: there is no such key. Did you mean 'answer'?"),
        ({"answer": "{type: numbr}"}, "answer.type: there is no answer type 'numbr'. Did you mean 'number'?"),
        ({"answer": "{whole: true}"}, "answer: its type is missing"),
        (
            {"answer": "{type: number, rnge: [0, 1]}"},
            "answer.rnge: the answer type number has no such key",
        ),
        (
            {"answer": "{type: number, range: [5, 1]}"},
            r"answer.range: \[5, 1\] is upside down. Write \[1, 5\]",
        ),
        ({"answer": "{type: number, range: [0, .nan]}"}, "answer.range: .* cannot be used"),
        ({"answer": "{type: number, whole: true, range: [0.2, 0.8]}"}, "answer.range: no whole number"),
        ({"answer": "{type: number, unit: metrs}"}, "answer.unit: 'metrs' is not known. Did you mean"),
        ({"answer": "{type: choice}", "question": "{options}"}, "answer.options: it is missing"),
        ({"answer": "{type: choice, options: [a, A]}"}, "answer.options: 'A' and 'a' are read alike"),
        ({"answer": "{type: choice, options: [a]}"}, "answer.options: with fewer than two options"),
        (
            {"answer": "{type: set, options: [bus, None]}"},
            "answer.options: 'None' is read as that nothing",
        ),
        ({"answer": "{type: choice, options: [a, b]}"}, "question: it does not name the options"),
        ({"answer": "{type: span, range: [9, 9]}"}, "answer.range: .* upside down or empty"),
        ({"answer": "{type: permutation, size: 1}"}, "answer.size: '1' cannot be used"),
        ({"question": None}, "'question' is missing"),
        ({"question": '" "'}, "'question' is missing"),
        (
            {"question": "How many {subjct}?"},
            "question: nothing stands for {subjct}. Did you mean",
        ),
        ({"question": "How many {?"}, "question: .* for a brace that is text"),
        (
            {"question": "How many?", "labels": "{about: category}"},
            "question: it does not say what it is",
        ),
        ({"labels": "{about: image}"}, "question: labels about whole images name no subject"),
        ({"labels": "{about: phrase}"}, "labels.about: a number is not read from labels about a phrase"),
        ({"labels": "{abot: image}"}, "labels.abot: there is no such key. Did you mean 'about'?"),
        ({"right": "exct"}, "right.rule: a number has no rule 'exct'. Did you mean 'exact'?"),
        ({"right": "{tolerance: 1}"}, "right: its rule is missing"),
        ({"right": "{rule: within, tol: 1}"}, "right.tol: the rule within has no such key"),
        ({"right": "{rule: within, tolerance: -1}"}, "right.tolerance: -1 is not above 0"),
        ({"right": "{rule: within, tolerance: much}"}, "right.tolerance: a number was expected, not 'much'"),
        ({"metric": "acuracy"}, "metric: there is no 'acuracy' here. Did you mean 'accuracy'?"),
        ({"format": "xml"}, "format: there is no 'xml' here"),
        ({"reward": "{right: -1}"}, "reward.right: a weight is a number from 0, not '-1'"),
        ({"reward": "{right: 0}"}, "reward: all weights are 0"),
        ({"name": "two words"}, "name: 'two words' is not a name"),
        ({"answer": "{type: choice, options: [a, b]}\nanswer: {type: text}"}, "'answer' is there twice"),
        ({"answer": "[1"}, "this is not YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_file_key_and_remedy(define, keys, says):
    with pytest.raises(InputError, match=says) as error:
        load_definition(define(**keys))
    assert str(error.value).startswith(str(define(**keys))) and "\n" not in str(error.value)


def test_all_that_is_wrong_is_said_at_once_each_with_its_line(define):
    keys = {"answer": "{type: numbr}", "right": None, "metrics": "x", "reward": "{right: -1, format: much}"}
    with pytest.raises(InputError) as error:
        load_definition(define(**keys))
    said = str(error.value)
    parts = ["Line 3: metrics:", "'right' is missing", "Line 1: answer.type: there is no answer type 'numbr'"]
    parts += ["Line 4: reward.right: a weight is", "Line 4: reward.format: a weight is"]
    places = [said.index(part) for part in parts]
    assert places == sorted(places) and "\n" not in said
    both = {
        "answer": "{type: number, range: [0, x], unit: metrs, colour: red}",
        "right": "{rule: within, tolerance: -1}",
    }
    with pytest.raises(InputError) as error:
        load_definition(define(**both))
    assert all(key in str(error.value) for key in ("answer.colour:", "right.tolerance:"))


def test_a_set_whose_labels_name_other_categories_than_its_options_is_refused(define):
    keys = {"answer": "{type: set, options: [cup, fork]}", "question": '"Which of {options}?"', "right": "f1"}
    labels = "{about: category, only: [%s]}"
    assert load_definition(define(**keys, labels=labels % "Fork, cup"))
    with pytest.raises(InputError, match=r"labels\.only: 'knife' is none of answer\.options"):
        load_definition(define(**keys, labels=labels % "cup, knife"))
    with pytest.raises(InputError, match=r"labels\.only: it names fewer than answer\.options\. Leave it out"):
        load_definition(define(**keys, labels=labels % "cup"))


def test_a_reward_term_or_file_that_is_not_there_is_refused_with_the_file(define):
    for reward, says in (("{rigt: 1}", "Did you mean 'right'"), ("gone.py:reward", "cannot be loaded")):
        with pytest.raises(InputError, match=says):
            load_definition(define(reward=reward)).settings  # noqa: B018


def test_yaml_does_not_turn_options_into_booleans_and_numbers(define):
    options = ["yes", "no", "on", "012", "1:30", "true"]
    asked = '"Which? {options}"'
    task = load_definition(
        define(answer=f"{{type: choice, options: [{', '.join(options)}]}}", question=asked)
    )
    assert task.type.options == tuple(options)


def test_two_definitions_of_one_name_are_refused_and_the_same_one_is_not(define, tmp_path):
    first = load_task(str(define("cups")))
    assert load_task(str(define("cups"))).is_same_as(first) and task_of(
        first.example(record(), 0, "cup", None, "")
    ).is_same_as(first)
    (tmp_path / "other").mkdir()
    other = define("other/cups", right="mra")
    with pytest.raises(InputError, match="another task has the name 'cups'"):
        load_task(str(other))
    with pytest.raises(InputError, match="another task has the name"):
        load_task(str(define("other/b", name="counting")))


def test_boxes_are_counted_where_all_are_labelled(define):
    task = load_definition(define(labels="{about: category, only: [cat, dog, bird]}"))
    one, other = record(*things(cat=2, dog=1), not_exhaustive=("dog",)), record(*things(bird=1))
    found = {example.question: example.target.number for example in task.examples([one])}
    both = {e.question: e.target.number for e in task.examples([one, replace(other, id="s")])[:2]}
    assert both == {"bird": 0.0, "cat": 2.0} and not task.examples([record()])
    assert found == {"cat": 2.0}
    whole = load_definition(
        define("all", labels="{about: category, together: true}", question="How many animals?")
    )
    (example,) = whole.examples([record(*things(cat=2, dog=1))])
    assert example.target == Number(3.0) and "How many animals?" in whole.question(example, [])


def test_numbers_are_read_from_class_names_and_out_of_range_is_no_answer(define):
    task = load_definition(
        define(answer="{type: number, whole: true, range: [0, 9]}", question="Which digit is it?")
    )
    records = [record(Annotation("image", "", Label(name))) for name in ("seven", "12", "cat")]
    (example,) = [one for each in records for one in task.examples([each])]
    assert example.target == Number(7.0)
    assert [reward_of(task, said, example).reward for said in ("7", "seven", "8", "12")] == [
        2.0,
        1.0,
        1.0,
        0.0,
    ]
    assert task.unused_label_notes(records)


def test_a_json_answer_is_asked_for_written_and_read(define):
    task = load_definition(define(format="json", labels="{about: category}"))
    (example, *_) = task.examples([record(*things(cat=2))])
    assert json.loads(task.gold(replace(example, form=Form.DIRECT), []).removeprefix("<answer>")[:-9]) == {
        "answer": 2
    }
    said = (
        '{"answer": 2}',
        '{"answer": "2"}',
        "2",
        '{"count": 2}',
        '{"answer": [2]}',
        '{"answer": NaN}',
        "{",
    )
    terms = [reward_of(task, one, example).terms for one in said]
    assert [one["right"] for one in terms] == [1, 1, 1, 1, 1, 0, 0]
    assert [one["format"] for one in terms] == [1, 1, 0, 0, 0, 0, 0]


def test_a_point_is_asked_for_where_there_is_exactly_one(define):
    answer = {"answer": "{type: point}", "right": "in_place", "question": "Point at the fork."}
    task = load_definition(define(**answer, labels="{about: category, only: [fork]}"))
    records = [replace(record(*things(fork=n, cup=1)), id=str(n)) for n in (0, 1, 2)]
    (example,) = task.examples(records)
    assert (example.record_id, example.question) == ("1", "Point at the fork.")
    # The box is 0 to 10 of 200 by 100 pixels: 0 to 50 and 0 to 100 of a thousand.
    said = ("[25, 50]", "[60, 50]", "[25, 50], [26, 50]")
    assert [reward_of(task, one, example).terms["right"] for one in said] == [1.0, 0.0, 0.0]


def test_a_set_says_which_options_an_image_shows(define):
    answer = "{type: set, options: [cat, dog, bird]}"
    task = load_definition(define(answer=answer, question='"Which: {options}?"', right="f1"))
    (example,) = task.examples([record(*things(cat=2, bird=1, fish=1))])
    assert example.target == Names(("cat", "bird"))
    said = {"bird, cat": 1.0, "cat": 2 / 3, "cat, dog, bird": 0.8, "none": 0.0, "cat, horse": 0.0}
    for content, expected in said.items():
        assert reward_of(task, content, example).terms["right"] == pytest.approx(expected), content


@pytest.mark.parametrize(
    ("answer", "value", "rule", "said"),
    [
        ("{type: span, range: [0, 20]}", TimeSpan(4.0, 10.0), "iou",
         {"4 to 10": 1, "2 to 6": 0.25, "6 to 2": 0, "4 to 30": 0, "11 s to 12 s": 0}),
        ("{type: permutation, size: 3}", Permutation((2, 3, 1)), "places",
         {"[2, 3, 1]": 1, "2 3 1": 1, "[3, 1, 2]": 0, "[2, 1, 3]": 1 / 3, "[2, 2, 1]": 0, "[2, 3]": 0}),
        ("{type: text}", Text("Exit 12"), "exact", {"Exit  12": 1, "exit 12": 0, "the Exit 12": 0}),
        ("{type: number, unit: m}", Number(180.0, "cm"), "{rule: within, tolerance: 0.1}",
         {"1.8": 1, "190 cm": 1, "2.1 m": 0, "1.8 kg": 0, "1.7 or 1.8": 0}),
    ],
)  # fmt: skip
def test_rules_give_what_they_say(define, answer, value, rule, said):
    task = load_definition(define(answer=answer, question='"{subject}"', right=rule))
    (example,) = task.examples([record(Annotation("question", "What?", value))])
    for content, expected in said.items():
        assert reward_of(task, content, example).terms["right"] == pytest.approx(expected), content


def test_weights_and_own_functions_are_the_reward(define, tmp_path):
    (tmp_path / "own.py").write_text("def half(answer, target):\n    return 0.5\n")
    task = load_definition(define(reward='{right: 2, format: 0.5, "own.py:half": 1}'))
    (example, *_) = task.examples([record(*things(cat=2))])
    assert [reward_of(task, one, example).reward for one in ("2", "3", "?")] == [3.0, 1.0, 0.5]
    assert Scorer(task, RewardOptions(weights={"right": 1.0})).weights["right"] == 1.0


def test_points_of_boxes_are_right_inside_or_near(define):
    answer = {
        "answer": "{type: points}",
        "question": "Point at each {subject}.",
        "labels": "{about: category}",
    }
    task = load_definition(define(**answer, right="{rule: near, radius: 100}"))
    (example, *_) = task.examples([record(*things(cat=1))])
    assert isinstance(example.target, Points)
    assert [reward_of(task, f"[[{x}, 50]]", example).terms["right"] for x in (25, 124, 126)] == [
        1.0,
        1.0,
        0.0,
    ]


def test_a_configuration_names_a_definition_and_a_report_knows_it(define, monkeypatch):
    file = define("cups")
    monkeypatch.chdir(file.parent)
    config = make_config({"task": "cups.yaml", "data": {"path": "photos"}})
    assert config.task.name == str(file.resolve()) and config.task.load().name == "cups"
    monkeypatch.setattr(registry, "_known", {})
    know_defined_tasks(f"task: {file}\n")
    assert load_task("cups").definition.path == file.resolve()
    for broken in ("task: gone.yaml", "task: [", "- 1", "tasks: [{task: gone.yaml}]"):
        know_defined_tasks(broken)


def test_options_of_a_task_are_keys_of_its_definition(define):
    with pytest.raises(InputError, match="mine has no such option"):
        load_task(str(define()), {"range": [0, 1]})


def test_a_fit_does_not_go_on_with_a_definition_that_was_changed(define, tmp_path):
    settings = FitSettings(tmp_path, str(define("cups")))
    keep_settings(settings, tmp_path)
    keep_settings(settings, tmp_path)
    define("cups", right="mra")
    with pytest.raises(RunError, match="definition"):
        keep_settings(settings, tmp_path)


def test_a_question_without_a_subject_is_asked_by_itself(define):
    task = load_definition(define(question="Which digit is it?"))
    assert task.own_question == "Which digit is it?" and load_definition(define("b")).own_question == ""
    asked = task.ask("photo", (IMAGE,), task.own_question)
    assert task.question(asked, []).startswith("Which digit is it?\nAnswer with a whole number.")
