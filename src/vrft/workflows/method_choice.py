"""How a run computes log-probabilities: the methods are compared once, on its own questions."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.config.run_config import RunConfig
from vrft.distributed import DistributedContext
from vrft.models.policy import Policy
from vrft.rollout.driver import prompts_for
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.parity import Parity, compare_methods
from vrft.rollout.sampler import load_sampler
from vrft.run_folder import RunFolder
from vrft.types import Example, SampleSeed

COMPARED = 2
"""Questions, and answers to each, on which the methods of log-probabilities are compared."""


def parity_of(
    policy: Policy,
    train: Sequence[Example],
    config: RunConfig,
    folder: RunFolder,
    scorer: AnswerScorer,
    context: DistributedContext,
) -> Parity:
    """What the run found when it began: a resumed one must not choose anew, or its digits would differ.

    Processes that share the weights compare together, otherwise the first alone.
    """
    known = folder.read_json("run.json").get("parity") if context.is_first and folder.began else None
    known = context.broadcast_object(known)
    if known is not None:
        return Parity(**known)
    compares = context.is_first or scorer.is_divided
    found = check_methods(policy, train, config, scorer) if compares else None
    parity = context.broadcast_object(found)
    assert parity is not None
    return parity


def check_methods(
    policy: Policy, examples: Sequence[Example], config: RunConfig, scorer: AnswerScorer | None = None
) -> Parity:
    """Compare the methods of computing log-probabilities on real groups of the run's own questions.

    There are no more at once than in a step: the comparison takes no memory that a step does not take.
    """
    optim = config.optim
    at_once = min(optim.micro_prompts or COMPARED, optim.prompts_per_step, COMPARED)
    prompts = prompts_for(policy, examples[:at_once])
    sampler = load_sampler("shared_prompt", policy, share_images=False)
    params = config.rollout.params()
    scorer = scorer or AnswerScorer(policy)
    with scorer.gathered():
        groups = sampler.generate(prompts, COMPARED, params, SampleSeed.whole(len(prompts), config.seed))
    answers = [said.token_ids for group in groups for said in group]
    return compare_methods(policy, prompts, answers, COMPARED, config.grpo.logprob_method, scorer)
