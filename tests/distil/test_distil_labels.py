"""From answers files to training questions: nothing held out ever enters, and everything is counted."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest
import yaml
from answered import BOX, NOTHING, SIDE, UNREADABLE, boxes, label, name, paint, predicted, question
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vrft.config.run_config import dump_config, make_config
from vrft.errors import ConfigError, InputError, LabelError, RunError
from vrft.evaluation.predictor import write_predictions
from vrft.training.pseudo_labels import Outcome, PseudoOptions, pseudo_labels
from vrft.training.pseudo_labels.pseudo_options import sentence
from vrft.types import Boxes, Label

SURE = [boxes(BOX)] * 4
SPLIT = [boxes(BOX), boxes((30.0, 30.0, 44.0, 44.0)), NOTHING, NOTHING]
KINDS = st.sampled_from(["new", "path", "copy", "saved again", "name", "shot", "shot, other question"])
SAID = st.sampled_from([SURE, SPLIT, [NOTHING] * 4, [UNREADABLE] * 4, [boxes(BOX)]])


def distil(tmp_path, answered, labelled=(), held_out=None, task="detection", **chosen):
    near = chosen.pop("near_duplicates", True)
    files = answered if isinstance(answered, dict) else {"predictions.jsonl": answered}
    for file, rows in files.items():
        write_predictions(tmp_path / file, rows)
    options = PseudoOptions(**{"predictions": tuple(str(tmp_path / file) for file in files)} | chosen)
    return pseudo_labels(options, [task], labelled, held_out or {}, near_duplicates=near)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Held-out images and shots of a run, and what somebody could hand in for unlabelled images."""
    root = tmp_path_factory.mktemp("world")
    held_out = {f"test/{i}.png": paint(root / f"data/test/{i}.png", i) for i in range(3)}
    shots = [paint(root / f"data/train/{i}.png", 10 + i) for i in range(2)]
    labelled = [question(path, target=label("detection")) for path in shots]
    new = [paint(root / f"new/{i}.png", 20 + i) for i in range(12)]
    return root, held_out, labelled, new


def handed_in(world, kind, place):
    """A question whose image came in one of the ways in which an image can leak."""
    root, held_out, labelled, new = world
    test = [*held_out.values()][place % 3]
    shot = labelled[place % 2].image.path
    target = root / "handed" / f"{kind.replace(' ', '_').replace(',', '')}_{place}.png"
    target.parent.mkdir(exist_ok=True)
    if kind == "path":
        return question(test.parent / ".." / "test" / test.name, record=f"r{place}")
    if kind == "copy":
        return question(shutil.copy(test, target))
    if kind == "saved again":
        with Image.open(test) as opened:
            opened.convert("RGB").save(target.with_suffix(".jpg"), quality=95)
        return question(target.with_suffix(".jpg"))
    if kind == "name":
        return question(new[place], record=f"test/{place % 3}.png")
    if kind == "shot":
        return question(shutil.copy(shot, target))
    return question(shot, asked="eight") if "other" in kind else question(new[place])


@given(handed=st.lists(st.tuples(KINDS, st.integers(0, 11), SAID), min_size=1, max_size=12))
def test_nothing_held_out_ever_enters_and_every_question_is_counted(world, handed):
    root, held_out, labelled, _ = world
    rows = [predicted(handed_in(world, kind, place), *said) for kind, place, said in handed]
    safe = {"new", "shot, other question"}
    wanted = {
        (row.example.image.path, row.example.question)
        for row, (kind, _, _) in zip(rows, handed, strict=True)
        if kind in safe
    }
    # One more, which nothing speaks against, so that something is there to train on.
    last = question(paint(root / "last.png", 99))
    wanted.add((last.image.path, last.question))
    rows.append(predicted(last, *SURE))
    made = distil(root, rows, labelled, held_out)
    kept = [(e.image.path, e.question) for e in made.examples]
    assert set(kept) <= wanted
    assert len(set(kept)) == len(kept)
    assert all(e.target == Boxes((BOX,)) for e in made.examples)
    assert len(made.labels) + sum(made.left_out.values()) == len(rows)
    leaks = sum(kind in ("path", "copy", "saved again", "name") for kind, _, _ in handed)
    assert made.left_out.get(Outcome.HELD_OUT, 0) == leaks
    assert made.left_out.get(Outcome.LABELLED, 0) == sum(kind == "shot" for kind, _, _ in handed)
    own = {*held_out, *(e.id for e in labelled), *(e.record_id for e in labelled)}
    assert not any(e.id.startswith(known) for e in made.examples for known in own)
    assert len({e.id for e in made.examples} | {e.id for e in labelled}) == len(kept) + len(labelled)


def test_a_image_like_a_held_out_one_counts_as_another_where_the_user_says_so(world, tmp_path):
    _, held_out, labelled, _ = world
    recoded = handed_in(world, "saved again", 1)
    same = handed_in(world, "copy", 1)
    made = distil(
        tmp_path,
        [predicted(recoded, *SURE), predicted(same, *SURE)],
        labelled,
        held_out,
        near_duplicates=False,
    )
    assert [e.image.path for e in made.examples] == [recoded.image.path]
    assert made.left_out == {Outcome.HELD_OUT: 1}


def test_an_answer_never_gives_the_label_that_a_row_had(tmp_path):
    true = Boxes(((30.0, 30.0, 44.0, 44.0),))
    (made,) = distil(
        tmp_path, [predicted(question(paint(tmp_path / "a.png", 0), target=true), *SURE)]
    ).examples
    assert made.target == Boxes((BOX,))


def test_the_class_of_a_labelled_image_is_known_whatever_the_kind_of_thing_is_called(tmp_path):
    first, second = (paint(tmp_path / f"{i}.png", i) for i in range(2))
    shot = question(first, "classification", "object", target=label("classification"))
    rows = [predicted(question(p, "classification", "pet"), *[name("cat")] * 3) for p in (first, second)]
    made = distil(tmp_path, rows, [shot], task="classification")
    assert [(e.image.path, e.target) for e in made.examples] == [(second, Label("cat", ("cat",)))]
    assert made.left_out == {Outcome.LABELLED: 1}


def test_ids_of_two_files_and_of_the_run_never_meet(tmp_path):
    paths = [paint(tmp_path / folder / "1.png", i) for i, folder in enumerate(("a", "b"))]
    rows = {f"{path.parent.name}.jsonl": [predicted(question(path), *SURE)] for path in paths}
    own = [question(paint(tmp_path / "c.png", 5), record="pseudo:0:1", target=label("detection"))]
    made = distil(tmp_path, rows, own)
    assert len({e.id for e in (*made.examples, *own)}) == 3
    assert len({e.record_id for e in (*made.examples, *own)}) == 3
    assert made == distil(tmp_path, rows, own)


def test_a_question_that_two_files_answer_is_taken_once(tmp_path):
    path = paint(tmp_path / "1.png", 0)
    rows = [predicted(question(path), *SURE)]
    made = distil(tmp_path, {"a.jsonl": rows, "b.jsonl": rows})
    assert len(made.labels) == 1 and made.left_out == {Outcome.REPEATED: 1}


@pytest.mark.parametrize(("share", "count"), [(None, 5), (1, 3), (0.67, 2), (1.5, 4), (9, 5)])
def test_the_share_keeps_the_most_agreed(tmp_path, share, count):
    labelled = [
        question(paint(tmp_path / f"shot{i}.png", 50 + i), target=label("detection")) for i in range(3)
    ]
    answered = [
        predicted(question(paint(tmp_path / f"{i}.png", i)), boxes(BOX), boxes((4.0, 4.0, 24.0, 24.0 - i)))
        for i in range(5)
    ]
    made = distil(tmp_path, answered, labelled, share=share)
    assert [e.image.path.stem for e in made.examples] == [str(i) for i in range(count)]
    assert made.left_out.get(Outcome.BEYOND_SHARE, 0) == 5 - count


def test_a_share_means_its_decimals(tmp_path):
    assert 0.29 * 100 < 29
    shot, new = (paint(tmp_path / f"{i}.png", i) for i in range(2))
    labelled = [question(shot, asked=f"thing {i}", target=label("detection")) for i in range(100)]
    answered = [predicted(question(new, asked=f"thing {i}"), *SURE) for i in range(40)]
    assert len(distil(tmp_path, answered, labelled, share=0.29).labels) == 29


def test_counts_are_reported(tmp_path):
    said = [SURE] * 3 + [SPLIT] * 2 + [[UNREADABLE] * 4]
    rows = [predicted(question(paint(tmp_path / f"{i}.png", i)), *one) for i, one in enumerate(said)]
    made = distil(tmp_path, rows)
    assert made.sentence == "3 pseudo-labels from 6 questions; 2 disagree, 1 unreadable."
    assert json.loads(json.dumps(made.counts())) == {
        "labels": 3,
        "left_out": {"unreadable": 1, "disagree": 2},
        "sentence": made.sentence,
    }


def test_where_nothing_is_left_the_reasons_are_given(tmp_path):
    rows = [predicted(question(paint(tmp_path / "a.png", 0)), boxes(BOX))]
    with pytest.raises(InputError, match="0 pseudo-labels from 1 question; 1 has one answer only"):
        distil(tmp_path, rows)
    with pytest.raises(InputError, match="1 is beyond the share"):
        distil(tmp_path, [predicted(rows[0].example, *SURE)], [rows[0].example][:0], share=2)


def test_files_and_images_that_cannot_be_used_are_named(tmp_path):
    path = paint(tmp_path / "a.png", 0)
    with pytest.raises(RunError, match=r"none\.jsonl"):
        pseudo_labels(PseudoOptions(predictions=str(tmp_path / "none.jsonl")), ["detection"], [], {})
    with pytest.raises(InputError, match="is a question of detection, and this run trains grounding"):
        distil(tmp_path, [predicted(question(path), *SURE)], task="grounding")
    gone = [predicted(question(tmp_path / f"gone{i}.png"), *SURE) for i in range(2)]
    with pytest.raises(LabelError, match=r"(?s)gone0\.png.*gone1\.png"):
        distil(tmp_path, gone)
    Image.new("RGB", (SIDE, SIDE + 2)).save(tmp_path / "resized.png")
    with pytest.raises(LabelError, match=r"resized\.png.*48x50"):
        distil(tmp_path, [predicted(question(tmp_path / "resized.png"), *SURE)])
    outside = [boxes((4.0, 4.0, SIDE + 9.0, 24.0))] * 2
    others = [predicted(question(paint(tmp_path / f"{i}.png", i)), *outside) for i in (1, 2)]
    with pytest.raises(LabelError) as caught:
        distil(tmp_path, others)
    assert Counter(m.where for m in caught.value.mistakes) == {
        "answer to '1#seven'": 1,
        "answer to '2#seven'": 1,
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("predictions", []),
        ("rule", 3),
        ("min_agreement", 1.1),
        ("min_confidence", -0.1),
        ("share", 0),
        ("abstention", True),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_their_key(key, value):
    pseudo = {"predictions": ["a.jsonl"], key: value}
    tree = {"task": "detection", "data": {"path": "photos"}, "pseudo_labels": pseudo}
    with pytest.raises(ConfigError, match=rf"pseudo_labels\.{key}"):
        make_config(tree)


def test_a_rule_that_does_not_exist_is_refused_by_its_key(tmp_path):
    rows = [predicted(question(paint(tmp_path / "a.png", 0)), *SURE)]
    with pytest.raises(ConfigError, match=r"pseudo_labels\.rule: 'median'.*wbf"):
        distil(tmp_path, rows, rule="median")


def test_without_the_section_there_is_none():
    assert make_config({"task": "detection", "data": {"path": "photos"}}).pseudo_labels is None


@pytest.mark.parametrize("files", ["a.jsonl", ["a.jsonl"]])
def test_one_file_needs_no_brackets(files):
    tree = {"task": "detection", "data": {"path": "photos"}, "pseudo_labels": {"predictions": files}}
    config = make_config(tree)
    assert config.pseudo_labels.predictions == ("a.jsonl",)
    assert make_config(yaml.safe_load(dump_config(config))) == config


def test_what_was_left_out_is_said_most_frequent_first():
    left_out = {Outcome.HELD_OUT: 3, Outcome.DISAGREE: 12, Outcome.LONE: 1}
    said = "84 pseudo-labels from 100 questions; 12 disagree, 3 are held out, 1 has one answer only."
    assert sentence(84, left_out) == said
    assert sentence(1, {}) == "1 pseudo-label from 1 question."
