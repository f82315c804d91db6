"""The three tasks of the paper: what they ask about, what counts as right, and what becomes a
pseudo-label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lawful import RECORDS, A, B, C, category, image

from vrft.errors import ConfigError, InputError
from vrft.tasks.lazy_questions import LazyQuestionGrid
from vrft.tasks.registry import load_task
from vrft.types import Annotation, Answer, Boxes, CoordinateFrame, Form, Label, Points, Record

DETECTION, GROUNDING = load_task("detection"), load_task("grounding")
CLASSIFICATION = load_task("classification")
CATS = DETECTION.examples(RECORDS)[0]
(SMALL, _), (ROSE, _) = GROUNDING.examples(RECORDS), CLASSIFICATION.examples(RECORDS)


def asked(records):
    found = {}
    for example in DETECTION.examples(records):
        found.setdefault(example.record_id, {})[example.question] = example.target.size
    return found


def test_the_settings_of_the_paper_are_there():
    for task in (DETECTION, GROUNDING, CLASSIFICATION):
        of_paper = ["paper", "released_fixed", "recommended", "released"]
        assert list(task.settings)[:4] == of_paper
        assert all("format" in task.settings[name] for name in of_paper)
        for name, terms in task.settings.items():
            # What follows is the released code of other projects.
            is_released = name == "released" or name not in of_paper
            assert {getattr(term, "unsafe", False) for term in terms.values()} == {is_released}
    assert GROUNDING.settings["released"]["iou"].high == 2.0


def test_metrics_and_rules_have_the_headline_first():
    assert [m.name for m in DETECTION.metrics] == ["ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"]
    assert [m.name for m in CLASSIFICATION.metrics] == ["accuracy", "accuracy_lenient", "accuracy_class_mean"]
    assert [m.name for m in GROUNDING.metrics] == ["mean_iou", "acc50"]
    assert list(DETECTION.rules) == ["wbf", "nms", "medoid", "best_logprob", "self_consistency"]
    assert list(CLASSIFICATION.rules) == ["vote", "best_logprob", "self_consistency"]
    assert next(iter(GROUNDING.rules)) == "medoid"


def test_detection_asks_only_what_the_labels_tell_in_full():
    def record(name, **known):
        return Record(name, (image(name),), (*category("cat", A), *category("dog", B)), **known)

    birds = Record("birds", (image("birds"),), (*category("bird", A), *category("cow", B)))
    records = [
        birds,
        record("all"),
        record("none listed", absent=()),
        record("one listed", absent=("bird", "unicorn")),
        record("not every cat", absent=("cow",), not_exhaustive=("cat",)),
    ]
    assert asked(records) == {
        "birds": {"bird": 1, "cat": 0, "cow": 1, "dog": 0},
        "all": {"bird": 0, "cat": 1, "cow": 0, "dog": 1},
        "none listed": {"cat": 1, "dog": 1},
        "one listed": {"bird": 0, "cat": 1, "dog": 1},
        "not every cat": {"cow": 0, "dog": 1},
    }


def test_detection_asks_for_absent_categories_and_not_for_crowds():
    assert asked(RECORDS) == {
        "one": {"cat": 2, "dog": 1},
        "two": {"dog": 1},  # its cats are a crowd
        "three": {"cat": 0, "dog": 0},
    }
    assert [(e.id, e.group) for e in DETECTION.examples(RECORDS)[:2]] == [
        ("one#cat", "cat"),
        ("one#dog", "dog"),
    ]


def test_of_very_many_questions_each_is_made_when_it_is_looked_at(monkeypatch):
    monkeypatch.setattr("vrft.tasks.lazy_questions.MAX_EAGER", 1)
    lazy = DETECTION.examples(RECORDS)
    assert isinstance(lazy, LazyQuestionGrid)
    monkeypatch.undo()
    assert list(lazy) == DETECTION.examples(RECORDS)
    direct = lazy.in_form(Form.DIRECT)
    assert list(direct) == [replace(e, form=Form.DIRECT) for e in lazy] and direct[0] in direct
    assert lazy[0] not in direct and direct.without({"one"})[0].form is Form.DIRECT
    marked = [*RECORDS, Record("four", (image("four"),), category("c#", A))]
    monkeypatch.setattr("vrft.tasks.lazy_questions.MAX_EAGER", 1)
    assert isinstance(DETECTION.examples(marked), list)


def test_classification_asks_where_a_class_is_known():
    examples = CLASSIFICATION.examples(RECORDS)
    assert [(e.record_id, e.target.name) for e in examples] == [("one", "garden phlox"), ("two", "737-200")]
    assert all(e.options == e.target.vocabulary == ("737-200", "garden phlox") for e in examples)
    assert all(e.question == "object" and e.group == e.target.name for e in examples)


def test_the_options_of_classification_are_written_into_its_examples():
    task = load_task("classification", {"subject": "plant", "open_naming": True})
    assert [(e.question, e.options) for e in task.examples(RECORDS)] == [("plant", ())] * 2
    assert all(e.target.vocabulary == ("737-200", "garden phlox") for e in task.examples(RECORDS))
    assert CLASSIFICATION.subject == "object" and load_task("classification").subject == "object"
    with pytest.raises(ConfigError, match=r"task\.subjekt.*subject, open_naming"):
        load_task("classification", {"subjekt": "plant"})
    with pytest.raises(ConfigError, match=r"task\.open_naming"):
        load_task("classification", {"open_naming": "perhaps"})
    with pytest.raises(ConfigError, match=r"task\.subject: detection.*ignore_other_classes"):
        load_task("detection", {"subject": "plant"})


def test_grounding_asks_where_one_box_is_meant():
    examples = GROUNDING.examples(RECORDS)
    assert [(e.id, e.question, e.group) for e in examples] == [
        ("one#0", "the small one", "expression"),
        ("two#0", "it's 'that' (one)", "expression"),
    ]
    mask = Boxes((A,), mask=GROUNDING.audit_examples(1, np.random.default_rng(0))[0].target.mask)
    (kept,) = GROUNDING.examples([Record("m", (image("m"),), (Annotation("phrase", "it", mask),))])
    assert kept.target == mask


def test_success_and_score_of_boxes():
    two = Boxes((A, B))
    near = (604.0, 200.0, 800.0, 440.0)
    assert DETECTION.success(Answer(Boxes((B, near), (0.3, 0.9))), two)
    assert not DETECTION.success(Answer(Boxes((B,), (1.0,))), two), "a box is missing"
    assert not DETECTION.success(Answer(Boxes((B, A, C), (1.0,) * 3)), two), "a box is too many"
    assert not DETECTION.success(Answer(Boxes((B, C), (1.0,) * 2)), two), "a box is elsewhere"
    assert DETECTION.success(Answer(Boxes()), Boxes()) and DETECTION.score(Answer(Boxes()), Boxes()) == 1.0
    for wrong in (Answer(), Answer(Points(((1.0, 1.0),))), Answer(Label("cat"))):
        assert not DETECTION.success(wrong, Boxes()) and DETECTION.score(wrong, Boxes()) == 0.0
    assert DETECTION.score(Answer(Boxes((A,), (1.0,))), two) == 0.5
    # The more confident box is matched first, though the other fits better.
    twice = Boxes(((600.0, 200.0, 800.0, 330.0), A), (0.9, 0.1))
    assert DETECTION.score(Answer(twice), Boxes((A,))) == pytest.approx(130 / 240 / 2)
    assert DETECTION.similarity(twice, Boxes((A,))) == pytest.approx(1 / 2)


def test_success_and_score_of_the_first_box():
    half = (600.0, 200.0, 700.0, 440.0)
    assert GROUNDING.success(Answer(Boxes((half, C))), Boxes((A,)))
    assert GROUNDING.score(Answer(Boxes((half, A))), Boxes((A,))) == 0.5
    assert not GROUNDING.success(Answer(Boxes(((600.0, 200.0, 699.0, 440.0),))), Boxes((A,)))
    assert GROUNDING.score(Answer(), Boxes((A,))) == GROUNDING.score(Answer(Boxes()), Boxes((A,))) == 0.0


def test_success_and_score_of_a_name():
    for said, right in (("Garden_Phlox.", 1.0), ("phlox", 0.0), ("", 0.0)):
        answer = Answer(Label(said))
        assert CLASSIFICATION.score(answer, ROSE.target) == right
        assert CLASSIFICATION.success(answer, ROSE.target) == bool(right)
    assert not CLASSIFICATION.success(Answer(), ROSE.target)
    assert CLASSIFICATION.similarity(Label("rose"), Boxes()) == 0.0
    for task in (DETECTION, GROUNDING):
        with pytest.raises(InputError, match="boxes"):
            task.score(Answer(Boxes()), Label("rose"))


def test_grounding_has_no_confidences_to_show():
    frames = [CoordinateFrame.whole("norm1000", (1000, 1000))]
    text = "<answer>[{'bbox_2d': [1, 2, 3, 4], 'confidence': 0.4}]</answer>"
    found = GROUNDING.parse(text, SMALL, frames)
    assert (found.value.xyxy_px, found.value.scores) == (((1.0, 2.0, 3.0, 4.0),), ())
    assert DETECTION.parse(text, CATS, frames).value.scores == (0.4,)


def test_gold_writes_any_boxes_with_their_scores():
    frames = [CoordinateFrame.whole("norm1000", (1000, 1000))]
    boxes = Boxes(((9.0, 9.0, 3.0, 3.0), (1.0, 2.0, 3.0, 4.0)), (0.25, 1.0))
    assert "[{'Position': [9, 9, 3, 3], 'Confidence': 0.25}, {'Position': [1, 2, 3, 4]," in DETECTION.gold(
        replace(CATS, target=boxes), frames
    )
    assert "<answer>(9,9),(3,3), (1,2),(3,4)</answer>" in GROUNDING.gold(replace(SMALL, target=boxes), frames)
    assert "<answer>No Objects</answer>" in GROUNDING.gold(replace(SMALL, target=Boxes()), frames)


def test_a_name_is_spelled_as_the_options_have_it():
    assert CLASSIFICATION.canonical(Label("Garden_Phlox.", score=0.5), ROSE) == Label(
        "garden phlox", score=0.5
    )
    assert CLASSIFICATION.canonical(Label("Tulip"), ROSE) == Label("Tulip")
    assert CLASSIFICATION.canonical(Boxes(), ROSE) == Boxes()


def test_names_that_no_answer_can_hold_are_told():
    assert CLASSIFICATION.class_name_warnings(["rose", "737-200"]) == []
    (said,) = CLASSIFICATION.class_name_warnings(["rose", "a\nb"])
    assert said == "The class name 'a\nb' cannot be read back from an answer."


PSEUDO = [
    (DETECTION, Answer(Boxes((A, B), (0.9, 0.4), ("x", None))), Boxes((A,))),
    (DETECTION, Answer(Boxes((A, B), (0.4, 0.4))), "unsure"),
    (DETECTION, Answer(Boxes((A,))), Boxes((A,))),
    (DETECTION, Answer(Boxes()), Boxes()),
    (DETECTION, Answer(Points(((1.0, 1.0),))), "unreadable"),
    (DETECTION, Answer(), "unreadable"),
    (GROUNDING, Answer(Boxes((A, B), (0.9, 0.4))), Boxes((A,))),
    (GROUNDING, Answer(Boxes((A, B), (0.9, 0.5))), "disagree"),
    (GROUNDING, Answer(Boxes((A,), (0.4,))), "unsure"),
    (GROUNDING, Answer(Boxes()), "abstain"),
    (GROUNDING, Answer(), "unreadable"),
    (CLASSIFICATION, Answer(Label("737_200", score=1.0)), Label("737-200", ("737-200", "garden phlox"))),
    (CLASSIFICATION, Answer(Label("rose")), "no_option"),
    (CLASSIFICATION, Answer(), "abstain"),
]


@pytest.mark.parametrize(("task", "answer", "expected"), PSEUDO)
def test_what_becomes_a_pseudo_label(task, answer, expected):
    example = {"detection": CATS, "grounding": SMALL, "classification": ROSE}[task.name]
    assert task.pseudo_label(answer, example, 0.5, ["rose"]) == expected


def test_an_open_name_is_spelled_as_the_labelled_classes_have_it_and_may_be_new():
    open_ = replace(ROSE, options=())
    label = CLASSIFICATION.pseudo_label(Answer(Label("Rose.")), open_, 0.5, ["rose", "tulip"])
    assert label == Label("rose", ("rose", "tulip"))
    assert CLASSIFICATION.pseudo_label(Answer(Label("daisy")), open_, 0.5, ["rose"]) == Label(
        "daisy", ("rose",)
    )


def test_only_classification_has_names_to_choose_from():
    media = ROSE.media
    assert CLASSIFICATION.ask("a", media, "plant", ["rose"]).options == ("rose",)
    for task in (DETECTION, GROUNDING):
        with pytest.raises(InputError, match=f"{task.name} has no class names"):
            task.ask("a", media, "cup", ["rose"])


@pytest.mark.parametrize("task", [DETECTION, GROUNDING, CLASSIFICATION], ids=lambda task: task.name)
def test_an_audit_is_decided_by_its_source_of_chance(task):
    def drawn(seed):
        examples = task.audit_examples(60, np.random.default_rng(seed))
        return examples, task.audit_beliefs(examples, np.random.default_rng([seed, 1]))

    assert drawn(3) == drawn(3) != drawn(4)
    examples, believed = drawn(3)
    assert len(examples) == len(believed) == 60 and all(isinstance(one, task.answer) for one in believed)
    right = [task.success(Answer(b), e.target) for e, b in zip(examples, believed, strict=True)]
    assert 5 < sum(right) < 60
