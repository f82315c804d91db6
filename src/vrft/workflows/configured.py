"""The policy and the training step that a configuration describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vrft.config.run_config import RunConfig
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import ConfigError
from vrft.models.load_policy import WITHOUT_WEIGHTS, load_policy, natural_device, natural_dtype
from vrft.models.policy import Policy
from vrft.rollout.hidden_states import LogprobMethod
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.sampler import load_sampler
from vrft.tasks.scorer import scorers_of
from vrft.training.gold_source import GoldSource
from vrft.training.grpo import CrossEntropy, GrpoObjective
from vrft.training.mismatch_alarm import MismatchAlarm
from vrft.training.reference import Reference
from vrft.training.rollout_source import RolloutSource
from vrft.training.sharding import scorer_of
from vrft.training.train_step import TrainStep
from vrft.types import Example
from vrft.workflows.source_parts import consistency_of, selectors_of


def policy_of(
    config: RunConfig,
    *,
    weights: bool = True,
    context: DistributedContext = SINGLE_PROCESS,
    learns: bool = False,
) -> Policy:
    """Load the policy that a configuration names.

    Args:
        config: its ``model`` section, and whether activations are checkpointed or offloaded.
        weights: False gives a policy of the same shapes that cannot answer, at no cost.
        context: which process this is: where the configuration leaves the device open, each has its own.
        learns: it goes to ``train_step_of``, which reads and divides its weights where ``optim.shard`` asks
            for it.
    """
    options = config.model
    if not weights:
        device = natural_device() if options.device == "auto" else options.device
        dtype = natural_dtype(device) if options.dtype == "auto" else options.dtype
        options = options.model_copy(update={"device": WITHOUT_WEIGHTS, "dtype": dtype})
    elif options.device == "auto":
        options = options.model_copy(update={"device": context.device})
    policy = load_policy(options, unread=learns and bool(config.optim.shard) and context.count > 1)
    if config.optim.activation_checkpointing:
        policy.core.activation_checkpointing_enable()
    policy.offloads = config.optim.activation_offload
    return policy


def train_step_of(
    config: RunConfig,
    policy: Policy,
    train: Sequence[Example],
    method: LogprobMethod,
    context: DistributedContext = SINGLE_PROCESS,
    texts: Mapping[str, str] | None = None,
    scorer: AnswerScorer | None = None,
) -> TrainStep:
    """What one step of a configuration does.

    Args:
        config: method, sampling, rewards, algorithm.
        policy: that learns.
        train: training questions, of any tasks.
        method: how log-probabilities are computed.
        context: which process this is.
        texts: what SFT learns to say, by the question's id; None takes gold answers.
        scorer: the policy's; None makes it, as ``optim.shard`` asks for it.

    Raises:
        ConfigError: unknown reward setting or term.
    """
    micro = config.optim.micro_prompts
    scorer = scorer or scorer_of(policy, context, config.optim.shard)
    if not config.samples:
        gold = GoldSource(
            policy,
            train,
            prompts_per_step=config.optim.prompts_per_step,
            mixture=config.mixed,
            augment=config.augment,
            texts=texts,
            context=context,
        )
        return TrainStep(
            policy,
            gold,
            CrossEntropy(),
            method=method,
            answer_scorer=scorer,
            micro_groups=micro,
            context=context,
        )
    objective = GrpoObjective(config.grpo)
    if config.grpo.confidence_weight and not policy.digit_ids:
        raise ConfigError(
            "grpo.confidence_weight: this model has no token for each digit, so the mean of a written number "
            "is not known. Leave it out."
        )
    # Prompts that are encoded for sampling serve the gradient too, where all of them train at once and
    # nothing drops out of the one and not of the other.
    drops = config.model.lora is not None and config.model.lora.dropout > 0
    others = {name: Reference(policy, scorer) for name in objective.needs}
    sampler = load_sampler(
        config.rollout.sampler,
        policy,
        share_images=False,
        scorer=scorer,
        urls=config.rollout.url,
        folder=Path(config.out) / "adapters",
        context=context,
    )
    source = RolloutSource(
        sampler,
        policy,
        train,
        scorers_of(train, config.rewards),
        rollout=config.rollout,
        grpo=config.grpo,
        prompts_per_step=config.optim.prompts_per_step,
        mixture=config.mixed,
        augment=config.augment,
        selectors=selectors_of(config, train),
        consistency=consistency_of(config, policy, context),
        encodes=method == "shared" and not micro and not drops and not scorer.is_divided,
        gathered=scorer.gathered,
        context=context,
    )
    return TrainStep(
        policy,
        source,
        objective,
        method=method,
        answer_scorer=scorer,
        others=others,
        micro_groups=micro,
        context=context,
        alarm=MismatchAlarm(
            sampler, scorer, config.rollout.max_mismatch, config.rollout.temperature, context, method
        ),
    )
