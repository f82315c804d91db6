"""What is measured besides the score: pass@k, thoughts that work, whether answers follow them, old skills."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from mini.effort import Effort
from result_file import ROOT

from reasoning.questions import Question
from vrft.config.run_config import make_config
from vrft.diagnostics.probe.probe_summary import mean_pass
from vrft.diagnostics.probe.run_probe import Prober
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.miniature.sums import NUMBERS, READABLE, total_of
from vrft.models.policy import Policy
from vrft.rollout.driver import prompts_for, roll_out
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.run_folder import METRICS, ROLLOUTS, RunFolder
from vrft.tasks.prompt_text import in_tags
from vrft.tasks.reasoning.reasoning import shows_arithmetic
from vrft.tasks.rollout_facts import is_success
from vrft.tasks.scorer import scorers_of
from vrft.types import Answer, Example, Form, Label, Prediction, SampleSeed, SamplingParams
from vrft.types.rows import group_from_row

sys.path.insert(0, str(ROOT / "dev"))

from miniature_training.gates import single_objects

KS = (1, 2, 4, 8)
AT_ONCE = 50
"""Questions that are asked together."""


def worked(answers: Sequence[Answer]) -> float | None:
    """The share of answers whose thought shows a computation, right or wrong; None of none."""
    return float(np.mean([shows_arithmetic(a.thinking) for a in answers])) if answers else None


def heldout_worked(predictions: Sequence[Prediction]) -> float | None:
    """The same of answers to held-out questions."""
    return worked([one.answer for one in predictions])


def prober(policy: Policy, examples: Sequence[Example], effort: Effort, samples: int, seed: int) -> Prober:
    """Samples as RFT does, so many answers to each of some thinking questions."""
    config = make_config(
        {
            "task": examples[0].task,
            "form": Form.THINK,
            "seed": seed,
            "data": {"path": "unused"},
            "rollout": {"group_size": samples, "max_new_tokens": effort.max_new_tokens},
            "reward": {"setting": effort.reward},
        }
    )
    return Prober(policy, config, scorers_of(examples, config.rewards))


def base_samples(
    policy: Policy, heldout: Sequence[Example], effort: Effort, samples: int, seed: int
) -> dict[str, Any]:
    """pass@k of the base on held-out questions, and how many of its answers show a computation."""
    groups = prober(policy, heldout, effort, samples, seed).groups(heldout, samples, at_once=AT_ONCE)
    hits = [[is_success(rollout) for rollout in group.rollouts] for group in groups]
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    right = [rollout.answer for rollout in rollouts if is_success(rollout)]
    chains = [[shows_arithmetic(r.answer.thinking) and is_success(r) for r in g.rollouts] for g in groups]
    return {
        "samples": samples,
        "pass_at": {str(k): mean_pass(hits, k) for k in KS if k <= samples},
        "shows_work": worked([rollout.answer for rollout in rollouts]),
        "right_shows_work": worked(right),
        "group_has_right_chain": mean_pass(chains, samples),
    }


def probed(
    policy: Policy, train: Sequence[Example], effort: Effort, samples: int, seed: int
) -> dict[str, Any]:
    """What ``vrft probe`` says of the training questions before training: do thoughts carry right answers?"""
    one = prober(policy, train, effort, samples, seed)
    found = one.probe(one.groups(train, samples))
    return {
        "hits": found.hits,
        "signal": found.signal,
        "thoughts": asdict(found.thoughts) if found.thoughts else None,
    }


@dataclass(frozen=True)
class Forced:
    """A chain that an answer is made to follow, and the sum that it ends with."""

    thought: str
    answer: str


def forced_chains(question: Question, digits: Sequence[str], rng: np.random.Generator) -> dict[str, Forced]:
    """A right chain, one of a changed digit, and one that states another sum.

    Example:
        >>> from reasoning.questions import QUESTIONS
        >>> found = forced_chains(QUESTIONS["two"], ["two", "five"], np.random.default_rng(0))
        >>> found["right"]
        Forced(thought='The digits are two and five. two plus five is seven.', answer='seven')
        >>> found["digit"].thought != found["right"].thought and found["digit"].answer != "seven"
        True
    """
    right = Forced(question.thought(digits), total_of(digits))
    place = int(rng.integers(len(digits)))
    others = [name for name in READABLE if name != digits[place]]
    changed = [*digits[:place], others[int(rng.integers(len(others)))], *digits[place + 1 :]]
    said = NUMBERS[: 9 * len(digits) + 1]
    stated = [number for number in said if number != right.answer][int(rng.integers(len(said) - 1))]
    before = right.thought.removesuffix(f"{right.answer}.")
    return {
        "right": right,
        "digit": Forced(question.thought(changed), total_of(changed)),
        "statement": Forced(f"{before}{stated}.", stated),
    }


def follows(
    policy: Policy, question: Question, asked: Sequence[Example], effort: Effort, seed: int
) -> dict[str, float]:
    """How often the greedy answer behind a given chain is the sum that the chain ends with.

    Returns:
        A share for each kind of chain of ``forced_chains``.
    """
    rng = np.random.default_rng([seed, 1])
    forced = [forced_chains(question, question.digits(example), rng) for example in asked]
    sampler, params = SharedPromptSampler(policy), SamplingParams(0.0, max_new_tokens=effort.max_new_tokens)
    shares = {}
    for kind in forced[0]:
        wanted = [chains[kind] for chains in forced]
        begun = [in_tags("\n", one.thought, Form.THINK).partition("\n")[0] for one in wanted]
        said: list[str] = []
        for start in range(0, len(asked), AT_ONCE):
            some = asked[start : start + AT_ONCE]
            prompts = prompts_for(policy, some, begun[start : start + AT_ONCE])
            draw = SampleSeed.whole(len(some))
            drawn = roll_out(sampler, policy, some, 1, params, draw, prompts=prompts, max_turns=1)
            said += [label.name if (label := one.answer.as_(Label)) else "" for (one,) in drawn]
        shares[kind] = float(np.mean([name == one.answer for name, one in zip(said, wanted, strict=True)]))
    return shares


def old_skills(policy: Policy, objects: int) -> dict[str, float]:
    """Naming and boxing the only object of an image, which no arm trains."""
    return single_objects(policy, objects)


def answers(policy: Policy, questions: Sequence[Example], effort: Effort, path: Any) -> list[Prediction]:
    """Greedy answers; those of the file are not asked a second time."""
    params = SamplingParams(max_new_tokens=effort.max_new_tokens)
    return evaluate(PolicyPredictor.of(policy, AskOptions(params)), questions, path=path)


def steps_of(folder: RunFolder) -> list[dict[str, Any]]:
    """Each step's mean reward, and the shares of answers that are right, that show a computation, or both."""
    by_step: dict[int, list[tuple[bool, bool]]] = {}
    for row in folder.rows(ROLLOUTS):
        step, group = group_from_row(row)
        found = [(is_success(r), shows_arithmetic(r.answer.thinking)) for r in group.rollouts]
        by_step.setdefault(step, []).extend(found)
    rewards = {row["step"]: row["reward"] for row in folder.rows(METRICS) if "reward" in row}
    return [
        {
            "step": step,
            "reward": rewards.get(step),
            "right": float(np.mean([right for right, _ in found])),
            "shows_work": float(np.mean([work for _, work in found])),
            "right_shows_work": float(np.mean([right and work for right, work in found])),
        }
        for step, found in sorted(by_step.items())
    ]
