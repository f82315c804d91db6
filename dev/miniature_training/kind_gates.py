"""What ``miniature-kinds`` can do: counting and pointing; and what each task's own question brings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from miniature_training.kinds_corpus import COUNT, POINT
from vrft.config.questions import ask_about
from vrft.data.dataset import labels_for
from vrft.diagnostics.probe.probe_summary import pass_at_k
from vrft.diagnostics.probe.run_probe import evenly_spaced
from vrft.miniature.folders import write_detection, write_measuring
from vrft.models.policy import Policy
from vrft.rollout.driver import prompts_for, roll_out
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.tasks.registry import load_task
from vrft.tasks.rollout_facts import is_success
from vrft.types import Example, Form, Message, Prompt, Rollout, SampleSeed, SamplingParams

KIND_GATES = {"counts": 0.7, "points": 0.5}
MOST_GREEDY, LEAST_GAIN = 0.65, 0.1
"""Of every task: its greedy answers are right at most so often, and one of ``SAMPLES`` samples oftener by
so much."""
SEED, QUESTIONS, SAMPLES, AT_ONCE = 11, 120, 8, 24
FOLDERS: Mapping[str, Callable[[Path], Path]] = {
    "objects": lambda place: write_detection(place, SEED, train=1, val=QUESTIONS, heldout=1, masks=True),
    "distances": lambda place: write_measuring(place, SEED, train=1, val=QUESTIONS, heldout=1),
}
ASKED = {
    "counting": "objects",
    "measuring": "distances",
    "pointing": "objects",
    "segmentation": "objects",
    "multi_detection": "objects",
    "jigsaw": "objects",
    "rotation_puzzle": "objects",
}
"""Tasks with the folder that they ask about."""


def kinds(policy: Policy) -> dict[str, Any]:
    """Skills and habits, on images of validation glyphs, which no training has seen.

    Returns:
        Shares in [0, 1] of right answers: to the skills' own prompts, and by task and form to the task's
        question, greedy and sampled at temperature 1, with what is readable.
    """
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        places = {name: write(Path(scratch) / name) for name, write in FOLDERS.items()}
        for task, folder in ASKED.items():
            examples = _questions(task, places[folder])
            found[task] = {str(form): _habits(policy, examples, form) for form in Form}
        for skill, task, text in (("counts", "counting", COUNT), ("points", "pointing", POINT)):
            asked = [replace(e, form=Form.DIRECT) for e in _questions(task, places[ASKED[task]])]
            prompts = [
                policy.first([Message("user", (*e.media, text.format(what=e.question)))]) for e in asked
            ]
            found[skill] = _share(_answers(policy, asked, 1, prompts))
    return found


def passes(found: Mapping[str, Any]) -> bool:
    """Whether the skills are there, and every task has something to gain in one of its forms."""
    gains = (
        any(
            one["greedy"] <= MOST_GREEDY and one[f"pass_at_{SAMPLES}"] >= one["greedy"] + LEAST_GAIN
            for one in found[task].values()
        )
        for task in ASKED
    )
    return all(found[name] >= least for name, least in KIND_GATES.items()) and all(gains)


def _questions(name: str, folder: Path) -> list[Example]:
    task = load_task(name)
    dataset = labels_for(task, folder)
    own = [one for one in ask_about(task, dataset) if dataset.parts[one.record_id] == "val"]
    return evenly_spaced(own, QUESTIONS)


def _habits(policy: Policy, examples: Sequence[Example], form: Form) -> dict[str, float]:
    asked = [replace(example, form=form) for example in examples]
    prompts = prompts_for(policy, asked)
    sampled = _answers(policy, asked, SAMPLES, prompts)
    every = [rollout for group in sampled for rollout in group]
    right = [sum(map(is_success, group)) for group in sampled]
    return {
        "greedy": _share(_answers(policy, asked, 1, prompts)),
        "sampled": _share(sampled),
        f"pass_at_{SAMPLES}": float(np.mean([pass_at_k(SAMPLES, hits, SAMPLES) for hits in right])),
        "formatted": float(np.mean([rollout.answer.formatted for rollout in every])),
        "parsed": float(np.mean([rollout.answer.parsed for rollout in every])),
    }


def _answers(
    policy: Policy, asked: Sequence[Example], samples: int, prompts: Sequence[Prompt]
) -> list[tuple[Rollout, ...]]:
    """Answers to each question: greedy where one is asked for, else sampled at temperature 1."""
    sampler, found = SharedPromptSampler(policy), list[tuple[Rollout, ...]]()
    params = SamplingParams(temperature=0.0 if samples == 1 else 1.0, max_new_tokens=160)
    for begin in range(0, len(asked), AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        draw = SampleSeed.whole(len(asked[some]), SEED + begin)
        found += roll_out(sampler, policy, asked[some], samples, params, draw, prompts=prompts[some])
    return found


def _share(groups: Sequence[tuple[Rollout, ...]]) -> float:
    return float(np.mean([is_success(rollout) for group in groups for rollout in group]))
