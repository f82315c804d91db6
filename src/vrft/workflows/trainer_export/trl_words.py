"""How TRL calls what a run says; ms-swift, whose GRPO is TRL's, calls it the same."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.training.advantages import Advantage, BatchNormalized, Centered, GroupNormalized
from vrft.training.losses import Bnpo, Cispo, Dapo, DrGrpo, Grpo, Gspo, PolicyLoss, Sapo
from vrft.workflows.trainer_export.trainer_format import HELD_BY_ALL, TrainerRun

HOLDS = HELD_BY_ALL | {"model.lora.dropout", "optim.schedule", "optim.warmup_steps", "rollout.top_k"}
LOSSES: Mapping[type[PolicyLoss], tuple[str, str]] = {
    Grpo: ("grpo", "token"),
    Gspo: ("grpo", "sequence"),
    Dapo: ("dapo", "token"),
    DrGrpo: ("dr_grpo", "token"),
    Bnpo: ("bnpo", "token"),
    Cispo: ("cispo", "token"),
    Sapo: ("sapo", "token"),
}
"""A loss, and what its ratio is of."""
ADVANTAGES: Mapping[type[Advantage], str] = {
    GroupNormalized: "group",
    Centered: "none",
    BatchNormalized: "batch",
}


def trl_words(run: TrainerRun) -> dict[str, object]:
    """The settings that both have, by name."""
    config = run.config
    optim, rollout, grpo = config.optim, config.rollout, config.grpo
    loss, level = LOSSES.get(type(grpo.loss), LOSSES[Grpo])
    low, high = run.clip
    return {
        "seed": config.seed,
        "max_steps": optim.steps,
        "learning_rate": optim.learning_rate,
        "lr_scheduler_type": optim.schedule,
        "warmup_steps": optim.warmup_steps,
        "weight_decay": optim.weight_decay,
        "max_grad_norm": optim.max_grad_norm,
        "per_device_train_batch_size": rollout.group_size,
        "num_generations": rollout.group_size,
        "num_iterations": grpo.updates,
        "max_completion_length": rollout.max_new_tokens,
        "temperature": rollout.temperature,
        "top_p": rollout.top_p,
        "beta": grpo.kl.beta,
        "epsilon": low,
        "epsilon_high": high,
        "loss_type": loss,
        "importance_sampling_level": level,
        "scale_rewards": ADVANTAGES.get(type(grpo.advantage), "group"),
        "save_steps": config.checks.checkpoint_every,
        "logging_steps": 1,
        "report_to": "none",
    }
