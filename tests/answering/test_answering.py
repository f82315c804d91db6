"""Asking: the greedy answer comes first whatever else is asked for, looks take turns, gates decide."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vrft.data.dataset import load_dataset
from vrft.errors import InputError
from vrft.evaluation.judged import PLAIN
from vrft.inference.ask_options import Asking
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import _draws, answer_questions
from vrft.miniature.folders import write_detection
from vrft.models.load_policy import load_policy
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.prompting import prompts_for
from vrft.rollout.shared_prompt.sampling import Sampling, sample
from vrft.tasks.detection.detection import Detection
from vrft.tasks.detection.presence_question import Presence
from vrft.tasks.fusion import RULES
from vrft.tasks.task import load_task
from vrft.types import Form

ASKING = Asking(Form.DIRECT, 60, batch=8)


@pytest.fixture(scope="module")
def policy():
    return load_policy("miniature", device="cpu")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detection")
    write_detection(folder, 0, heldout=8)
    records = load_dataset(folder, "detection").records
    return load_task("detection").examples(records)[:20]


def test_one_answer_is_the_greedy_one(policy, examples):
    task = load_task("detection")
    prompts = prompts_for(policy, task, examples[:8], Form.DIRECT)
    greedy = sample(policy, prompts, 1, Sampling(temperature=0, max_new_tokens=60))
    judged = answer_questions(policy, task, examples[:8], ASKING)
    assert [j.text for j in judged] == [policy.decode(one.token_ids) for (one,) in greedy]
    assert [j.tokens for j in judged] == [len(one.token_ids) for (one,) in greedy]
    means = [sum(one.logprobs) / len(one.logprobs) for (one,) in greedy]
    assert [j.logprob for j in judged] == pytest.approx(means, abs=1e-5)
    assert all(
        j.others == () and j.prompt_tokens == {PLAIN: len(p.token_ids)}
        for j, p in zip(judged, prompts, strict=True)
    )
    again = [task.parse(j.text, j.view, j.form) for j in judged]
    assert [j.answer for j in judged] == again


def test_more_answers_leave_the_first_as_it_is_and_every_rule_of_one_gives_it(policy, examples):
    task = load_task("detection")
    one = evaluate(policy, task, examples, ASKING)
    many = evaluate(policy, task, examples, replace(ASKING, samples=5, flip=True, scales=(1.5,)))
    bare = [replace(j, others=(), prompt_tokens={PLAIN: j.prompt_tokens[PLAIN]}) for j in many]
    assert bare == one
    for name, rule in RULES.items():
        if name != "vote":
            assert [rule([j.said[0].candidate]) for j in many] == [j.answer for j in one]
    assert {len(j.said) for j in many} == {5}
    assert {tuple(s.look for s in j.said) for j in many} == {(PLAIN, "flip", "scale 1.5", PLAIN, "flip")}


def test_fewer_rows_at_once_still_answer_every_question(policy, examples):
    task = load_task("detection")
    judged = answer_questions(policy, task, examples[:8], replace(ASKING, samples=4, rows=7))
    assert [len(j.said) for j in judged] == [4] * 8
    assert len({s.text for j in judged for s in j.others}) > 3


def test_boxes_of_a_mirrored_look_come_back(policy, examples):
    """The greedy answer to a picture that is its own mirror image, mirrored, is where the mirror has it."""
    task = load_task("detection")
    judged = evaluate(policy, task, examples, replace(ASKING, samples=2, flip=True))
    seen = [(j, j.others[0]) for j in judged if j.others[0].answer.boxes_xyxy_px]
    assert seen
    for j, other in seen:
        shown = task.parse(other.text, j.view, Form.DIRECT).boxes_xyxy_px
        width = j.example.image_wh[0]
        mirrored = [(width - x2, y1, width - x1, y2) for x1, y1, x2, y2 in shown]
        assert [list(b) for b in other.answer.boxes_xyxy_px] == [pytest.approx(b) for b in mirrored]


@pytest.mark.parametrize("samples", range(1, 9))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_looks_take_turns(samples, count):
    turns = [place % count for place in range(max(0, samples - count))]
    assert [_draws(samples, count, place) for place in range(count)] == [
        turns.count(place) for place in range(count)
    ]


def test_log_probabilities_of_a_tempered_draw_can_be_those_of_the_model(tiny_folders, pictures):
    policy = load_policy(str(tiny_folders["qwen2_vl"]), device="cpu", dtype="float64")
    prompts = [policy.prompt("What is it?", policy.picture(path)) for path in pictures[:2]]
    drawn = sample(policy, prompts, 2, Sampling(0.5, max_new_tokens=6, untempered=True), seed=3)
    tempered = sample(policy, prompts, 2, Sampling(0.5, max_new_tokens=6), seed=3)
    rows = [one for group in drawn for one in group]
    assert [one.token_ids for one in rows] == [one.token_ids for group in tempered for one in group]
    scored, mask = AnswerScorer(policy)(prompts, [one.token_ids for one in rows], 2, 1.0, "plain")
    kept = torch.tensor([p for one in rows for p in one.logprobs])
    assert torch.allclose(scored[mask].float(), kept, atol=1e-5)
    assert not torch.allclose(kept, torch.tensor([p for g in tempered for one in g for p in one.logprobs]))


class _Says(Presence):
    """A gate that reads yes, no or nothing by the number of the text."""

    def __init__(self, *said: bool | None) -> None:
        self.left = list(said)

    def read(self, text, form):
        return self.left.pop(0)


def test_a_gate_that_says_no_ends_the_question(policy, examples):
    task = Detection()
    task.presence = _Says(False, True, None, False)
    judged = answer_questions(policy, task, examples[:4], replace(ASKING, gate=True))
    plain = answer_questions(policy, Detection(), [examples[1], examples[2]], ASKING)
    assert [j.gate.present for j in judged] == [False, True, None, False]
    assert all(j.answer.abstained and j.text == "" and j.tokens == 0 for j in (judged[0], judged[3]))
    assert [j.text for j in judged[1:3]] == [j.text for j in plain]
    assert all(j.gate.spent > j.gate.tokens > 0 for j in judged)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<answer>Yes</answer>", True),
        ("<answer>no.</answer>", False),
        ("<answer>NO</answer>", False),
        ("<answer>No Objects</answer>", False),
        ("No, I see none", False),
        ("<answer>Yes or No</answer>", None),
        ("<answer>[{'Position': [1, 2, 3, 4], 'Confidence': 0.5}]</answer>", None),
        ("<answer>nobody knows</answer>", None),
        ("", None),
        ("<think> yes </think> <answer>no</answer>", False),
    ],
)
def test_what_a_gate_reads(text, says):
    assert Presence().read(text, Form.DIRECT) is says


def test_a_task_without_a_gate_says_so(policy, examples):
    with pytest.raises(InputError, match="classification has no question"):
        answer_questions(policy, load_task("classification"), examples[:1], replace(ASKING, gate=True))


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"temperature": 0}, {"top_p": 0}, {"max_new_tokens": 0}])
def test_numbers_out_of_range_are_named(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Asking(Form.DIRECT, **{"max_new_tokens": 60, **wrong})
