"""Definitions with a hole are refused with the attack named, sound ones pass, and what is wrong is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vrft.cli import app
from vrft.errors import InputError
from vrft.miniature.folders import write_classification, write_detection
from vrft.tasks import registry
from vrft.types import Completion, Prediction, Prompt, Rollout, Turn
from vrft.types.rows import prediction_to_row
from vrft.workflows.check_task import check_task
from vrft.workflows.requests import TaskCheckRequest

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples" / "defined_tasks"
SHOWN = {
    "as_long_a_span": "as_long_elsewhere",
    "digits_in_any_order": "digits_in_another_order",
    "even_or_odd": "of_the_same_parity",
    "letters_in_any_order": "letters_in_another_order",
    "the_right_column": "right_columns",
    "the_same_initial": "nearest_name",
    "where_each_part_goes": "inverse_order",
    "words_in_any_order": "words_in_another_order",
    "all_options_at_once": "a_or_b_or_c",
    "cover_the_image": "honest_repeated_shifted",
    "every_number_is_near": "another_target",
    "everywhere_is_near": "another_target",
    "form_counts_most": "another_target",
    "long_answers_pay": "everything",
    "name_them_all": "all_where_any",
    "nothing_is_far": "middle_number",
    "one_number_alone": "usual_answer",
    "paid_by_the_word": "every_answer",
    "read_out_everything": "every_answer",
    "tags_are_enough": "another_target",
    "who_stands_next_to_whom": "right_order_backwards",
    "whole_clip": "whole_clip",
}
"""An attack that shows each hole."""
UNSEEN = {
    "digits_do_not_count": ("other_digits", "one_other_letter"),
    "too_large_is_fine": ("a_little_more", "with_other_decimals"),
}
"""Of what a reward does not look at, the near miss that it pays in full, and one that it does not."""
INSTEAD = {
    "every_number_is_near": "Leave the options of right (tolerance) out: the rule 'within' alone holds.",
    "name_them_all": "Write right: f1, which holds.",
    "words_in_any_order": "Write metric: word_f1, which finds such answers right, too",
    "paid_by_the_word": "Leave reward out: the rule 'anls' alone holds.",
    "one_number_alone": "change 'answer', so that right answers differ",
}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """What a test loads is not known to the next one."""
    monkeypatch.setattr(registry, "_known", dict(registry._known))


def checked(path, **more):
    return check_task(TaskCheckRequest(definition=str(path), targets=60, **more))


def test_every_hole_has_an_attack_that_shows_it():
    assert {path.stem for path in (HERE / "holes").glob("*.yaml")} == SHOWN.keys() | UNSEEN.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_a_hole_is_refused_with_the_attack_and_the_remedy(name):
    found = checked(HERE / "holes" / f"{name}.yaml")
    named = [one for one in found.refusals if f"Attack '{SHOWN[name]}'" in one]
    assert not found.passed and len(named) == 1, found.refusals
    assert "where the honest policy has" in named[0] and INSTEAD.get(name, "") in named[0]


@pytest.mark.parametrize("name", UNSEEN)
def test_what_a_reward_does_not_look_at_is_named(name):
    (said,) = checked(HERE / "holes" / f"{name}.yaml").refusals
    paid, less = UNSEEN[name]
    assert f"answers '{paid}' (" in said and ", and less in " in said
    assert f"answers '{less}' (" in said.partition("and less in")[2]


@pytest.mark.parametrize("path", sorted((HERE / "sound").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_sound_definition_passes(path):
    assert checked(path).refusals == ()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Drawn images with boxes, and others in class folders."""
    root = tmp_path_factory.mktemp("drawn")
    write_detection(root / "boxes", 0, train=8, val=2, heldout=2)
    write_classification(root / "digits", 0, train=1, val=1, heldout=1)
    return root


def run(*words):
    return CliRunner().invoke(app, [*map(str, words)])


def test_the_examples_pass_on_drawn_folders(folders):
    for name, data in (("count_shapes", "boxes"), ("name_digit", "digits"), ("point_at_heart", "boxes")):
        found = checked(EXAMPLES / f"{name}.yaml", data=folders / data)
        assert found.passed, found.refusals
        assert any("questions about" in note for note in found.notes)


def test_labels_that_say_one_thing_are_refused(folders, tmp_path):
    write_detection(tmp_path / "hearts", 0, ("heart",), train=4, val=1, heldout=1)
    text = (EXAMPLES / "count_shapes.yaml").read_text().replace("about: category", "only: [heart]")
    (tmp_path / "hearts.yaml").write_text(text.replace("[0, 10]", "[1, 1]"))
    first, *_ = checked(tmp_path / "hearts.yaml", data=tmp_path / "hearts").refusals
    assert "every label says 'Number: 1'" in first and "Give labels that differ" in first


def test_a_category_that_no_label_names_is_said(folders, tmp_path):
    text = (EXAMPLES / "count_shapes.yaml").read_text().replace("about: category", "only: [hart, square]")
    (tmp_path / "hart.yaml").write_text(text)
    notes = " ".join(checked(tmp_path / "hart.yaml", data=folders / "boxes").notes)
    assert "No label names 'hart', which hart.yaml asks about. Did you mean 'heart'?" in notes
    (tmp_path / "none.yaml").write_text(text.replace("hart, square", "hart"))
    with pytest.raises(InputError, match=r"nothing to ask about\. No label names 'hart'"):
        checked(tmp_path / "none.yaml", data=folders / "boxes")


def test_a_definition_is_proposed_checked_and_used(folders, tmp_path):
    file = tmp_path / "digits.yaml"
    made = run("task", "new", "--from", folders / "digits", "--out", file)
    assert made.exit_code == 0, made.output
    assert "answer: number, since 30 labels say a number." in made.output
    assert "answer.range: [0, 9], since the labels run from 0 to 9" in made.output
    assert run("task", "new", "--from", folders / "digits", "--out", file).exit_code != 0  # never overwritten
    done = run("task", "check", file, "--data", folders / "digits", "--targets", 60, "--json")
    printed = json.loads(done.stdout)
    assert (done.exit_code, printed["passed"], printed["refusals"]) == (0, True, [])
    task = registry.load_task(str(file))
    assert task.type.range == (0.0, 9.0) and task.type.whole


@pytest.mark.parametrize("kind", ["number", "box", "boxes", "point", "points", "set"])
def test_each_type_that_labels_can_be_read_as_is_proposed_and_can_be_loaded(folders, tmp_path, kind):
    file = tmp_path / f"a_{kind}.yaml"
    made = run("task", "new", "--from", folders / "boxes", "--type", kind, "--out", file)
    assert made.exit_code == 0, made.output
    assert registry.load_task(str(file)).type.name == kind


def test_the_status_is_1_where_a_definition_is_refused_and_the_sentence_names_the_attack():
    done = run("task", "check", HERE / "holes" / "name_them_all.yaml", "--targets", 60, "--quiet")
    assert done.exit_code == 1
    assert "Attack 'all_where_any'" in done.output and "refused" in done.output


def test_weights_are_searched_by_the_metric_with_the_audit_as_constraint(tmp_path):
    text = (HERE / "sound" / "animal.yaml").read_text() + "reward: {right: 1, format: 2}\n"
    (tmp_path / "animal.yaml").write_text(text)
    task = registry.load_task(str(tmp_path / "animal.yaml"))
    (example,) = task.audit_examples(1, np.random.default_rng(0))
    right, wrong = example.target.name, next(o for o in example.options if o != example.target.name)

    def rollout(text):
        turns = (Turn(Prompt(), Completion(text)),)
        return Rollout(example, turns, task.parse_turns(example, turns))

    # The right answer without its tags, and a wrong one in the demanded form: rewards 1 and 2 as written.
    said = [
        rollout(f"I see. <answer>{right}</answer>"),
        rollout(f"<think> I see. </think> <answer>{wrong}</answer>"),
    ]
    rows = [prediction_to_row(Prediction(example, said[0].answer, tuple(said)))]
    (tmp_path / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    notes = checked(tmp_path / "animal.yaml", search_weights=tmp_path / "predictions.jsonl").notes
    assert any("reward: {right: 1, format: 0}" in note and "100% of 1 pairs" in note for note in notes), notes
    assert any("the definition's own 0%" in note for note in notes)
