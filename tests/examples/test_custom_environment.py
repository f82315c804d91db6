"""A second look is a second turn: it is what counts, and both are trained on."""

from __future__ import annotations

import json

from example_runs import EXAMPLES, any_image, two_steps

from vrft.rollout.driver import roll_out
from vrft.rollout.scripted import CharacterRenderer, ScriptedSampler
from vrft.tasks.registry import load_task
from vrft.types import Boxes, SampleSeed, SamplingParams

FILE = EXAMPLES / "custom_environment.py"


def boxed(corners: str) -> str:
    return f"<think>.</think><answer>[{{'Position': [{corners}], 'Confidence': 0.9}}]</answer>"


def test_the_second_answer_counts(photos):
    example = load_task(str(FILE)).ask("a", (any_image(photos),), "two")
    sampler = ScriptedSampler(boxed("0, 0, 500, 500"), boxed("100, 100, 300, 300"))
    draw = SampleSeed.whole(1)
    ((rollout,),) = roll_out(sampler, CharacterRenderer(), [example], 1, SamplingParams(), draw)
    assert [turn.completion.text for turn in rollout.turns] == list(sampler.texts)
    assert [message.role for message in rollout.turns[1].prompt.messages] == ["user", "assistant", "user"]
    assert rollout.answer.value == Boxes(((10.0, 10.0, 30.0, 30.0),), (0.9,))


def test_two_steps_of_training_learn_from_both_turns(photos, tmp_path):
    done, rows = two_steps(photos, tmp_path / "run", task=str(FILE), rollout={"max_new_tokens": 60})
    assert len(rows) == 2 and max(row["grad_norm"] for row in rows) > 0
    lines = [json.loads(line) for line in (done.folder.path / "rollouts.jsonl").read_text().splitlines()]
    turns = [rollout["turns"] for line in lines for rollout in line["rollouts"]]
    assert 2 in map(len, turns)
