"""An evaluation that was killed ends with the file of one that was not, in one process or several."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from vrft.data.dataset import load_dataset
from vrft.distributed import Share
from vrft.errors import RunError
from vrft.evaluation.answers_file import read_judged, write_judged
from vrft.inference.ask_options import Asking
from vrft.inference.evaluate import evaluate
from vrft.inference.prediction_store import Kept
from vrft.inference.provenance import check_origin
from vrft.miniature.folders import write_detection
from vrft.models.load_policy import load_policy
from vrft.tasks.task import load_task
from vrft.types import Form

ASKING = Asking(Form.DIRECT, 40, samples=3, batch=4)
TASK = load_task("detection")


@pytest.fixture(scope="module")
def policy():
    return load_policy("miniature", device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("detection")
    write_detection(root, 0, heldout=8)
    return root


@pytest.fixture(scope="module")
def examples(folder):
    return TASK.examples(load_dataset(folder, "detection").records)[:14]


@pytest.fixture(scope="module")
def whole(policy, examples, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "answers.jsonl"
    evaluate(policy, TASK, examples, ASKING, path=path)
    return path.read_bytes()


class Killed(BaseException):
    """Stands for a signal that no one catches."""


@pytest.mark.parametrize("batches", [1, 3])
def test_killed_and_resumed_equals_uninterrupted(policy, examples, whole, tmp_path, batches):
    path, done = tmp_path / "answers.jsonl", []

    def kill(count):
        done.append(count)
        if len(done) == batches:
            raise Killed

    with pytest.raises(Killed):
        evaluate(policy, TASK, examples, ASKING, path=path, progress=kill)
    assert len(read_judged(path)) == 4 * batches
    asked = []
    judged = evaluate(policy, TASK, examples, ASKING, path=path, progress=asked.append)
    assert path.read_bytes() == whole
    assert sum(asked) == 14 - 4 * batches
    assert [j.example.id for j in judged] == [e.id for e in examples]


@pytest.mark.parametrize("cut", [3000, -7])
def test_a_batch_cut_short_is_asked_again_as_a_whole(policy, examples, whole, tmp_path, cut):
    path = tmp_path / "answers.jsonl"
    path.write_bytes(whole[:cut])
    evaluate(policy, TASK, examples, ASKING, path=path)
    assert path.read_bytes() == whole


def test_shares_make_one_file_and_a_killed_part_is_not_lost(policy, examples, whole, tmp_path):
    path = tmp_path / "answers.jsonl"
    cuts = [examples[i : i + 4] for i in range(0, 14, 4)]
    write_judged(path.with_name("answers.jsonl.part-1"), read_whole(whole, tmp_path)[4:8])
    first = Kept(path, cuts, Share(0, 2))
    second = Kept(path, cuts, Share(1, 2))
    assert (first.missing(), second.missing()) == ([0, 3], [2])
    answers = read_whole(whole, tmp_path)
    second.append(answers[8:12])
    first.append(answers[:4])
    first.append(answers[12:])
    assert first.finish() == answers
    assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.glob("answers.jsonl*")] == ["answers.jsonl"]


def read_whole(whole, tmp_path):
    other = tmp_path / "whole.jsonl"
    other.write_bytes(whole)
    return read_judged(other)


def test_answers_to_other_questions_are_not_mixed_in(policy, examples, whole, tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_bytes(whole)
    with pytest.raises(RunError, match="not among the questions"):
        evaluate(policy, TASK, examples[:4], ASKING, path=path)
    assert path.read_bytes() == whole


def test_a_folder_remembers_how_it_was_asked(examples, tmp_path, folder):
    check_origin(tmp_path, "miniature", folder, "detection", examples, ASKING)
    check_origin(tmp_path, "miniature", folder, "detection", examples, ASKING)
    with pytest.raises(RunError, match="samples: 3, now 1"):
        check_origin(tmp_path, "miniature", folder, "detection", examples, Asking(Form.DIRECT, 40, batch=4))
    with pytest.raises(RunError, match="max_pixels: None, now 4096"):
        check_origin(tmp_path, "miniature", folder, "detection", examples, ASKING, (None, 4096))
    with pytest.raises(RunError, match="questions: 14, now 13"):
        check_origin(tmp_path, "miniature", folder, "detection", examples[1:], ASKING)


def test_two_processes_give_the_file_of_one(folder, tmp_path):
    def run(*start: str, out: str) -> bytes:
        options = ["--task", "detection", "--form", "direct", "--part", "all"]
        options += ["--eval-max", "130", "--samples", "2", "--json"]
        command = [*start, "eval", "miniature", str(folder), *options, "--out", out]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["n"] > 64
        return (tmp_path / out / "answers.jsonl").read_bytes()

    launch = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "vrft"]
    assert run(sys.executable, *launch, out="two") == run(sys.executable, "-m", "vrft", out="one")
