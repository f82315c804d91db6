"""What a fit compares: rejection sampling as a third arm, the SFT twin in both forms, RFT without a twin."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launch import vrft
from vrft.evaluation.predictor import read_predictions
from vrft.miniature.folders import write_classification
from vrft.rollout.scripted import CharacterRenderer
from vrft.training.gold_source import GoldSource
from vrft.types import Clock, Example, Form, Image, Label
from vrft.workflows.fit import fit
from vrft.workflows.fit_settings import MINIATURE_RECIPE, FitSettings
from vrft.workflows.rejection_sampling import NAME, count_round, draw_parts, kept_answers

STEPS, QUESTIONS_A_STEP, GROUP = 1, 4, 24
CLASSES = ("two", "five", "seven")
QUICK = (f"optim.prompts_per_step={QUESTIONS_A_STEP}", f"rollout.group_size={GROUP}")


class OneRate(FitSettings):
    """A fit with one trial where it would have two."""

    @property
    def recipe(self):
        return replace(MINIATURE_RECIPE, rft_rates=(1e-4,), sft_rates=(1e-4,))


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """All arms, few images."""
    folder = tmp_path_factory.mktemp("digits")
    return OneRate(
        write_classification(folder, 0, CLASSES, train=1, val=1, heldout=2),
        "classification",
        shots=1,
        steps=STEPS,
        form=Form.DIRECT,
        eval_max=6,
        val_max=3,
        arms=("rejection", "rft", "sft"),
        rejection_rounds=2,
        rejection_keep=5,
        sft_forms="both",
        overrides=QUICK,
    )


def run(settings, folder, **more):
    assert fit(settings, folder, check=False, **more) is not None
    return json.loads((folder / "comparison.json").read_text())["tasks"]["classification"], folder


@pytest.fixture(scope="module")
def finished(settings, tmp_path_factory):
    """A whole fit: its comparison, and its folder."""
    return run(settings, tmp_path_factory.mktemp("whole") / "fit")


def rounds_of(folder):
    return [
        [json.loads(line) for line in file.read_text().splitlines()]
        for file in sorted((folder / NAME).glob("round-*.jsonl"))
    ]


def facts_of(folder):
    return json.loads((folder / "fit.json").read_text())


def is_right(identity, text):
    """By the name of the image's folder alone."""
    return re.fullmatch(rf"<answer>{Path(identity).parent.name}</answer>", text.strip()) is not None


def test_rejection_sampling_is_compared_like_the_other_arms(finished):
    found, folder = finished
    facts = facts_of(folder)
    assert list(facts["systems"]) == ["base", "sft", "rft", "rejection"]
    for name in ("base", "sft", "rft", "rejection"):
        assert found[name]["parse_rate"] is not None and found["n"] == 6
    for name in ("rft_minus_rejection", "rejection_minus_base", "rejection_minus_sft"):
        later, _, earlier = name.partition("_minus_")
        assert found[name]["value"] == pytest.approx(found[later]["value"] - found[earlier]["value"])
    assert found["versus_rejection"] in ("better", "not better", "cannot tell", "nothing learned")
    page = (folder / "report.html").read_text()
    for words in ("Rejection sampling", "RFT against rejection sampling", "Answers sampled"):
        assert words in page
    for name in ("sft", "rft", "rejection"):
        own = {t["folder"]: t["validation"] for t in facts["trials"] if t["system"] == name}
        assert own[facts["systems"][name]] == max(own.values())


def test_it_draws_as_many_answers_as_rft(finished):
    _, folder = finished
    counts = Counter(row["id"] for rows in rounds_of(folder) for row in rows for _ in row["answers"])
    assert sum(counts.values()) == STEPS * QUESTIONS_A_STEP * GROUP
    assert len(counts) == len(CLASSES) and max(counts.values()) - min(counts.values()) <= 2
    drawn = facts_of(folder)["answers_sampled"]
    assert drawn["rejection"]["answers"] == drawn["rft"]["answers"] == sum(counts.values())
    rows = [json.loads(line) for line in (folder / "rft-1e-04" / "metrics.jsonl").read_text().splitlines()]
    assert drawn["rft"]["tokens"] == sum(row.get("sampled_tokens", 0) for row in rows) > 0


def test_it_learns_right_answers_alone_and_never_sees_held_out_images(finished):
    _, folder = finished
    learned = 0
    for rows in rounds_of(folder):
        for row in rows:
            assert row["id"].startswith("train/")
            for answer in row["answers"]:
                assert answer["right"] == is_right(row["id"], answer["text"])
        texts = {name: [one["text"] for one in own] for name, own in kept_answers(rows, 5).items()}
        assert all(is_right(name, text) for name, own in texts.items() for text in own)
        right = Counter(row["id"] for row in rows for answer in row["answers"] if answer["right"])
        assert {name: len(own) for name, own in texts.items()} == {n: min(5, c) for n, c in right.items()}
        learned += len(texts)
    assert learned


def weights(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for pattern in ("rejection-*/model/*.safetensors", f"{NAME}/*.jsonl", "rejection-*/eval/*.jsonl")
        for file in sorted(folder.glob(pattern))
    }


def test_a_fit_that_was_stopped_while_it_sampled_goes_on_to_the_same_bits(finished, settings, tmp_path):
    whole, cut = finished[1], tmp_path / "fit"
    shutil.copytree(whole, cut)
    for name in ("comparison.json", "report.html"):
        (cut / name).unlink()
    for folder in cut.glob("rejection-*"):
        shutil.rmtree(folder)
    (cut / NAME / "round-1.jsonl").write_text(
        "".join((whole / NAME / "round-1.jsonl").read_text().splitlines(keepends=True)[:2]) + '{"part": 0, "i'
    )
    (cut / NAME / "round-2.jsonl").unlink()
    found, _ = run(settings, cut, resume=True)
    assert found == finished[0]
    assert weights(cut) == weights(whole) and len(weights(cut)) >= 4


def test_the_twin_is_tuned_in_both_forms_and_answers_in_its_own(finished, settings, tmp_path):
    _, folder = finished
    twins = [trial for trial in facts_of(folder)["trials"] if trial["system"] == "sft"]
    assert Counter(trial["form"] for trial in twins) == {"direct": 1, "think": 1}
    for trial in twins:
        config = (folder / trial["folder"] / "config.yaml").read_text()
        assert ("form: direct" in config) == (trial["form"] == "direct") == ("think" not in trial["folder"])
    shutil.copytree(folder, tmp_path / "fit")
    think = next(trial["folder"] for trial in twins if trial["form"] == "think")
    ended = tmp_path / "fit" / think / "done.json"
    ended.write_text(json.dumps({**json.loads(ended.read_text()), "validation": 2.0}))
    found, resumed = run(settings, tmp_path / "fit", resume=True)
    assert facts_of(resumed)["systems"]["sft"] == think and found["n"] == 6
    assert "SFT was best in the other form (think)" in " ".join(facts_of(resumed)["notes"])
    asked = {
        name: read_predictions(resumed / facts_of(resumed)["systems"][name] / "eval" / "heldout.jsonl")
        for name in ("base", "sft", "rft")
    }
    assert {name: {str(p.example.form) for p in own} for name, own in asked.items()} == {
        "base": {"direct"},
        "sft": {"think"},
        "rft": {"direct"},
    }
    assert len({tuple(sorted(p.example.id for p in own)) for own in asked.values()}) == 1


def test_without_a_right_answer_and_without_a_twin_it_ends_with_a_sentence(settings, tmp_path):
    """Answers of one token are never well formed."""
    words = ("fit", settings.data, "--task", "classification", "--form", "direct", "--shots", 1, "--steps", 1)
    arms = ("--arms", "rft,rejection", "--rejection-rounds", 3, "--val-max", 3, "--eval-max", 6, "--no-check")
    ended = vrft(*words, *arms, *QUICK, "rollout.max_new_tokens=1", "--out", "fit", cwd=tmp_path)
    assert ended.returncode == 0 and "RFT - rejection" in ended.stdout, ended.stderr
    folder = tmp_path / "fit"
    found = json.loads((folder / "comparison.json").read_text())["tasks"]["classification"]
    facts = facts_of(folder)
    assert list(facts["systems"]) == ["base", "rft", "rejection"] and found["versus_sft"] is None
    assert facts["systems"]["rejection"] == "base" and found["rejection"] == found["base"]
    notes = " ".join(facts["notes"])
    assert "0.0% of them right" in notes and "ends with the base's weights" in notes
    assert "There is none (--arms), so it starts from the base" in notes
    assert len(rounds_of(folder)) == 1 and not list(folder.glob("rejection-*"))
    assert "Rejection sampling has the same weights." in (folder / "report.html").read_text()


def test_a_round_says_how_many_learned_answers_show_their_work():
    """Two of the three right ones are learned, and one of these two shows its work."""
    answers = [
        {"text": text, "tokens": 2, "right": right, "shows_work": works}
        for text, right, works in (
            ("a", True, False),
            ("b", False, True),
            ("c", True, True),
            ("d", True, True),
        )
    ]
    found = count_round(
        [
            {"part": 0, "id": "x", "answers": answers[:3]},
            {"part": 1, "id": "x", "answers": answers[3:]},
            {"part": 0, "id": "y", "answers": answers[1:2]},
        ],
        2,
    )
    assert found == {
        "answers": 5,
        "tokens": 10,
        "right": 3,
        "learned": 2,
        "questions": 1,
        "of_questions": 2,
        "learned_with_work": 1,
    }


@given(st.integers(1, 9), st.integers(1, 90), st.integers(2, 5), st.integers(1, 4))
def test_answers_are_divided_evenly_in_parts_of_a_training_step(questions, answers, group, at_once):
    parts = list(draw_parts(questions, answers, group, at_once))
    counts = Counter({place: 0 for place in range(questions)})
    for part in parts:
        assert 1 <= part.answers <= group and 1 <= len(part.places) <= at_once
        counts.update({place: part.answers for place in part.places})
    assert (
        sum(counts.values()) == max(answers, questions) and max(counts.values()) - min(counts.values()) <= 1
    )
    assert len({(part.number, place) for part in parts for place in part.places}) == sum(
        len(part.places) for part in parts
    )


def test_sft_learns_given_texts_by_the_questions_id(images):
    image = Image(images[0], (64, 48))
    examples = [Example(name, name, "classification", (image,), "thing", Label("cat")) for name in "ab"]
    source = GoldSource(CharacterRenderer(), examples, prompts_per_step=2, texts={"a": "one", "b": "two"})
    learned = {g.example.id: g.rollouts[0].completion.text for g in source.batch(Clock()).groups}
    assert learned == {"a": "one", "b": "two"}
