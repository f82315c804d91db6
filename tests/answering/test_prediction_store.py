"""An evaluation that was killed ends with the file of one that was not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vrft.data.dataset import load_dataset
from vrft.distributed import DistributedContext
from vrft.errors import InputError, RunError
from vrft.evaluation.predictor import read_predictions, write_predictions
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import PredictionStore, evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.inference.provenance import check_questions, settings_of
from vrft.miniature.folders import write_detection
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.tasks.registry import load_task
from vrft.types import Form, SamplingParams

OPTIONS = AskOptions(SamplingParams(max_new_tokens=40), samples=3, batch=4)


@pytest.fixture(scope="module")
def predictor():
    return PolicyPredictor.of(load_policy(ModelOptions(path="miniature", device="cpu")), OPTIONS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("detection")
    write_detection(root, 0, heldout=8)
    return root


@pytest.fixture(scope="module")
def examples(folder):
    task = load_task("detection")
    found = task.examples(load_dataset(folder, task.needs).records)[:14]
    return [replace(example, form=Form.DIRECT) for example in found]


@pytest.fixture(scope="module")
def whole(predictor, examples, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "predictions.jsonl"
    predictions = evaluate(predictor, examples, batch=4, path=path)
    assert predictions == evaluate(predictor, examples, batch=4)
    return path.read_bytes()


class Killed(BaseException):
    """Stands for a signal that no one catches."""


@pytest.mark.parametrize("batches", [1, 3])
def test_killed_and_resumed_equals_uninterrupted(predictor, examples, whole, tmp_path, batches):
    path, done = tmp_path / "predictions.jsonl", []

    def kill(count):
        done.append(count)
        if len(done) == batches:
            raise Killed

    with pytest.raises(Killed):
        evaluate(predictor, examples, batch=4, path=path, progress=kill)
    assert len(read_predictions(path)) == 4 * batches
    asked = []
    predictions = evaluate(predictor, examples, batch=4, path=path, progress=asked.append)
    assert path.read_bytes() == whole
    assert sum(asked) == 14 - 4 * batches
    assert [p.example.id for p in predictions] == [e.id for e in examples]


@pytest.mark.parametrize("cut", [3000, -7])
def test_a_batch_cut_short_is_asked_again_as_a_whole(predictor, examples, whole, tmp_path, cut):
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(whole[:cut])
    evaluate(predictor, examples, batch=4, path=path)
    assert path.read_bytes() == whole


def test_shares_make_one_file_and_a_killed_part_is_not_lost(examples, whole, tmp_path):
    path = tmp_path / "predictions.jsonl"
    cuts = [examples[i : i + 4] for i in range(0, 14, 4)]
    predictions = read_whole(whole, tmp_path)
    write_predictions(path.with_name("predictions.jsonl.part-1"), predictions[4:8])
    first = PredictionStore(path, cuts, DistributedContext(0, 2))
    second = PredictionStore(path, cuts, DistributedContext(1, 2))
    assert (first.missing(), second.missing()) == ([0, 3], [2])
    second.append(predictions[8:12])
    first.append(predictions[:4])
    first.append(predictions[12:])
    assert first.finish() == predictions
    assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.glob("predictions.jsonl*")] == ["predictions.jsonl"]


def read_whole(whole, tmp_path):
    other = tmp_path / "whole.jsonl"
    other.write_bytes(whole)
    return read_predictions(other)


def test_answers_to_other_questions_are_not_mixed_in(predictor, examples, whole, tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_bytes(whole)
    with pytest.raises(RunError, match="not among the questions"):
        evaluate(predictor, examples[:4], batch=4, path=path)
    assert path.read_bytes() == whole


def test_a_predictor_that_answers_other_questions_is_named(predictor, examples, tmp_path):
    class Careless:
        name = "careless"

        def predict(self, asked, batch=0):
            return predictor.predict(asked, batch)[::-1]

    with pytest.raises(InputError, match="careless: batch 0"):
        evaluate(Careless(), examples[:4], batch=4, path=tmp_path / "predictions.jsonl")
    assert not (tmp_path / "predictions.jsonl").exists()


def test_an_answers_file_of_version_0_1_is_refused_in_a_sentence(predictor, examples, tmp_path):
    path = tmp_path / "answers.jsonl"
    row = {"id": examples[0].id, "image": "a.png", "image_wh": [8, 8], "task": "detection", "text": ""}
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(RunError, match=r"answers.jsonl, line 1: .*written by vrft 0\.1"):
        evaluate(predictor, examples, batch=4, path=path)


def test_a_folder_remembers_how_it_was_asked(examples, tmp_path):
    def check(asked=examples, options=OPTIONS, pixels=(None, None)):
        check_questions(tmp_path, settings_of("miniature", "detection", options, pixels), asked)

    check()
    check()
    with pytest.raises(RunError, match="samples: 3, now 1"):
        check(options=replace(OPTIONS, samples=1))
    with pytest.raises(RunError, match="max_pixels: None, now 4096"):
        check(pixels=(None, 4096))
    with pytest.raises(RunError, match="questions: 14, now 13"):
        check(examples[1:])
    with pytest.raises(RunError, match="form: direct, now think"):
        check([replace(example, form=Form.THINK) for example in examples])
    (tmp_path / "asking.json").write_text("{}")
    with pytest.raises(RunError, match=r"written by vrft 0\.1"):
        check()
