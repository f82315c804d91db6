"""The answers file of an evaluation is a file of stored texts: it comes back, parsed anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stored_rows import answers_of_every_task, read

from vrft.evaluation.answers_file import to_row, write_judged
from vrft.evaluation.external.judge_row import Refusal
from vrft.evaluation.external.read_predictions import read_predictions
from vrft.evaluation.judged import Gate
from vrft.types import Answer, Unlabelled


def test_an_answers_file_comes_back_whole(tmp_path: Path) -> None:
    judged = answers_of_every_task()
    write_judged(tmp_path / "answers.jsonl", judged, lambda example: example.question)
    found = read_predictions(tmp_path / "answers.jsonl").judged
    assert found == {one.example.task: [one] for one in sorted(judged, key=lambda one: one.example.task)}


def test_stored_answers_are_parsed_anew_but_for_other_looks_and_closed_gates(tmp_path: Path) -> None:
    wrong = Answer(False, False, text="?")
    one = answers_of_every_task()[0]
    plain, flipped = one.others
    old = replace(one, answer=wrong, others=(replace(plain, answer=wrong), replace(flipped, answer=wrong)))
    (found,) = read(tmp_path, to_row(old)).judged["detection"]
    assert found.answer == one.answer and found.others[0].answer == plain.answer
    assert found.others[1].answer == replace(wrong, text=flipped.text)
    assert (found.box_logprobs, found.others[0].box_logprobs) == ((-0.5,), (-0.5,))

    denied = Answer(True, True, text="")
    gated = replace(one, text="", answer=denied, box_logprobs=(), view=None, gate=Gate("no", False, 1))
    (again,) = read(tmp_path, to_row(gated)).judged["detection"]
    assert again.answer == denied and again.answer.abstained
    assert again == gated
    asked = replace(gated, view=one.view, gate=Gate("?", None, 1))
    (opened,) = read(tmp_path, to_row(asked)).judged["detection"]
    assert not opened.answer.parsed


def test_log_probabilities_of_other_boxes_are_dropped(tmp_path: Path) -> None:
    one = replace(answers_of_every_task()[0], box_logprobs=(-0.5, -0.75))
    (found,) = read(tmp_path, to_row(one)).judged["detection"]
    assert found.box_logprobs == ()


def test_an_unlabelled_answer_is_refused(tmp_path: Path) -> None:
    one = answers_of_every_task()[0]
    bare = replace(one, example=replace(one.example, target=Unlabelled()))
    assert read(tmp_path, to_row(bare)).answers[0].refusal is Refusal.LABEL
