"""What a step's row says of thoughts, against counting the texts that were sampled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vrft.rollout.rollout_options import RolloutOptions
from vrft.rollout.scripted import CharacterRenderer, ScriptedSampler
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import Scorer
from vrft.training.grpo import GrpoOptions
from vrft.training.rollout_source import RolloutSource
from vrft.types import Annotation, Clock, Form, Image, Label, Record

CHAIN, HASTY = "two plus five is seven.", "I look at the digits."
TEXTS = [
    f"<think> {thought} </think> <answer>{answer}</answer>"
    for thought in (CHAIN, HASTY)
    for answer in ("seven", "nine")
]
SUMS = [
    Record(
        str(i),
        (Image(Path(f"{i}.png"), (8, 8)),),
        (Annotation("question", "What is the sum?", Label("seven")),),
    )
    for i in range(4)
]
PLANTS = [replace(one, annotations=(Annotation("image", "", Label("seven")),)) for one in SUMS]


def row_and_groups(texts, task="reasoning", records=SUMS, form=Form.THINK):
    examples = [replace(one, form=form) for one in load_task(task).examples(records)]
    source = RolloutSource(
        ScriptedSampler(*texts, by_chance=True),
        CharacterRenderer(),
        examples,
        {task: Scorer(load_task(task))},
        rollout=RolloutOptions(group_size=8),
        grpo=GrpoOptions(),
        prompts_per_step=4,
    )
    batch = source.batch(Clock())
    return batch.metrics, [one for group in batch.groups for one in group.rollouts]


def test_the_shares_are_those_of_the_sampled_texts():
    row, rollouts = row_and_groups(TEXTS)
    texts = [one.completion.text for one in rollouts]
    right = [text for text in texts if ">seven<" in text]
    assert len(texts) == 32 and 0 < len(right) < 32
    assert row["shows_work"] == pytest.approx(sum(CHAIN in text for text in texts) / len(texts))
    assert row["right_shows_work"] == pytest.approx(sum(CHAIN in text for text in right) / len(right))
    assert row["shows_work"] != row["right_shows_work"]


def test_a_step_without_a_right_answer_has_no_share_of_them():
    row, _ = row_and_groups([text for text in TEXTS if ">nine<" in text])
    assert 0 < row["shows_work"] < 1 and "right_shows_work" not in row


@pytest.mark.parametrize(
    ("task", "records", "form"),
    [("reasoning", SUMS, Form.DIRECT), ("classification", PLANTS, Form.THINK)],
)
def test_where_there_is_no_such_notion_nothing_is_written(task, records, form):
    row, rollouts = row_and_groups(TEXTS, task, records, form)
    assert len(rollouts) == 32 and not {"shows_work", "right_shows_work"} & row.keys()
