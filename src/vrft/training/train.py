"""One training run from a configuration and a split: load, compare paths, loop, save."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch

from vrft.config.run_config import RunConfig, dump_config
from vrft.distributed import ALONE, Share
from vrft.errors import ConfigError, RunError
from vrft.inference.ask_options import BATCH, Asking
from vrft.inference.evaluate import evaluate
from vrft.models.load_policy import (
    WITHOUT_WEIGHTS,
    LoraSettings,
    load_policy,
    natural_device,
    natural_dtype,
    save_policy,
)
from vrft.models.model_source import weights_of
from vrft.models.policy import Policy
from vrft.rollout.parity import Parity, compare_paths
from vrft.rollout.prompting import prompts_for
from vrft.rollout.shared_prompt.sampling import Sampling, sample
from vrft.run_folder import RunFolder, hardware, replace_folder, versions
from vrft.tasks.metrics.metric import METRICS
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Task, load_task
from vrft.training.loop import Progress, StepFunction, run_loop
from vrft.training.pseudo_labels.pseudo_labels import NO_PSEUDO, PseudoLabels
from vrft.training.reference import Reference
from vrft.training.rft import RftStep
from vrft.training.rollouts import RolloutMaker
from vrft.training.sft import SftStep
from vrft.types import Example

PSEUDO = "pseudo.jsonl"
"""The pseudo-labels that a run learns from, one a line."""


@dataclass(frozen=True)
class Trained:
    """A finished (or interrupted) run."""

    folder: RunFolder
    policy: Policy
    best_step: int
    validation: float | None
    steps: int
    stopped: bool


@dataclass(frozen=True)
class _Context:
    policy: Policy
    task: Task
    train: Sequence[Example]
    config: RunConfig
    folder: RunFolder
    parity: Parity
    share: Share


def policy_of(config: RunConfig, *, weights: bool = True, share: Share = ALONE) -> Policy:
    """Load the policy that a configuration names.

    Args:
        config: its ``model`` section, and whether activations are checkpointed.
        weights: False gives a policy of the same shapes that cannot answer, at no cost.
        share: which process this is: where the configuration leaves the device open, each has its own.
    """
    m = config.model
    device, dtype = share.device if m.device == "auto" else m.device, str(m.dtype)
    if not weights:
        dtype = natural_dtype(natural_device()) if dtype == "auto" and device == "auto" else dtype
        device = WITHOUT_WEIGHTS
    lora = LoraSettings(m.lora.rank, m.lora.alpha, m.lora.dropout) if m.lora is not None else None
    policy = load_policy(
        m.path,
        device=device,
        dtype=dtype,
        train_vision=m.train_vision,
        min_pixels=m.min_pixels,
        max_pixels=m.max_pixels,
        attention=m.attention,
        lora=lora,
    )
    if config.optim.activation_checkpointing:
        policy.core.activation_checkpointing_enable()
    return policy


def train_run(
    config: RunConfig,
    folder: RunFolder,
    train: Sequence[Example],
    val: Sequence[Example],
    *,
    pseudo: PseudoLabels = NO_PSEUDO,
    resume: bool = False,
    progress: Progress = lambda step, steps, row: None,
    share: Share = ALONE,
) -> Trained:
    """Train one policy, in one process or in several.

    Args:
        config: what and how.
        folder: where everything goes.
        train: training questions, at least one.
        val: validation questions; empty switches validation off.
        pseudo: what is learned from beside ``train``, where the configuration asks for it.
        resume: go on where the folder's newest checkpoint stands.
        progress: called after each step.
        share: which process this is: each calls with the same arguments, answers its part of a step's
            questions, and ends with the same weights; the first one writes.

    Returns:
        The policy with the weights of its best validation, saved under ``model/`` unless it was interrupted.

    Raises:
        RunError: the folder holds a run and ``resume`` is False, its pseudo-labels were others, or another
            process trains in it.
        ConfigError: unknown reward setting, nothing to learn, more processes than prompts a step, or there
            are pseudo-labels and the configuration asks for none, or the other way round.
    """
    if bool(pseudo.labels) != (config.data.pseudo is not None):
        raise ConfigError(
            f"data.pseudo: {len(pseudo.labels)} pseudo-labels do not belong to this configuration. Take "
            "them from vrft.training.run_questions.pseudo_of, and give them to train_run."
        )
    check_processes(config, share)
    folder = RunFolder(folder.path, writes=share.is_first)
    with folder.held():
        return _train(config, folder, train, val, pseudo, resume, progress, share)


def _train(
    config: RunConfig,
    folder: RunFolder,
    train: Sequence[Example],
    val: Sequence[Example],
    pseudo: PseudoLabels,
    resume: bool,
    progress: Progress,
    share: Share,
) -> Trained:
    folder.open(resume)
    task = load_task(config.task)
    Scorer(task, config.reward, config.prompt.form)  # a wrong setting is told before the model is loaded
    train = _with_pseudo(train, pseudo, folder)
    torch.manual_seed(config.seed)
    policy = policy_of(config, share=share)
    if share.index:  # the first draws as if it were alone; the others drop other units out
        torch.manual_seed(config.seed + share.index)
    folder.write_text("config.yaml", dump_config(config))
    parity = share.agreed(_parity(policy, task, train, config, folder) if share.is_first else None)
    assert parity is not None
    folder.write_json(
        "run.json",
        {
            "kind": config.kind,
            "task": config.task,
            "seed": config.seed,
            "model": config.model.path,
            "weights": weights_of(config.model.path),
            **({"pseudo": pseudo.counts()} if pseudo.labels else {}),
            "parity": asdict(parity),
            "hardware": hardware(),
            "device": str(policy.device),
            "processes": share.count,
            "versions": versions(),
        },
    )
    context = _Context(policy, task, train, config, folder, parity, share)
    metric = METRICS[task.metric]

    def validate() -> float:
        batch = min(BATCH, math.ceil(len(val) / share.count))
        asking = Asking(config.prompt.form, config.rollout.max_new_tokens, batch=batch)
        return metric.value(evaluate(policy, task, val, asking, share=share))

    step_function = STEP_FUNCTIONS[config.kind](context)
    result = run_loop(policy, config, folder, step_function, validate if val else None, progress, share)
    trained = Trained(folder, policy, result.best_step, result.best_value, result.steps, result.stopped)
    if not result.stopped and share.is_first:
        fresh = folder.path / "model.new"
        save_policy(policy, fresh)
        replace_folder(fresh, folder.path / "model")
        folder.write_json(
            "done.json",
            {"steps": result.steps, "best_step": result.best_step, "validation": result.best_value},
        )
    share.wait()
    return trained


def check_processes(config: RunConfig, share: Share) -> None:
    """See that every process has something to do.

    Raises:
        ConfigError: there are more of them than prompts a step.
    """
    if share.count > config.optim.prompts_per_step:
        raise ConfigError(
            f"optim.prompts_per_step: {config.optim.prompts_per_step} are fewer than the {share.count} "
            "processes, and some would have nothing to do. Raise it to a multiple of them, or start fewer."
        )


def _with_pseudo(train: Sequence[Example], pseudo: PseudoLabels, folder: RunFolder) -> Sequence[Example]:
    """Labelled and pseudo-labelled questions, the latter kept in the folder: a resumed run has the same."""
    rows = json.loads(json.dumps(pseudo.rows()))
    if (folder.path / "run.json").exists() and folder.rows(PSEUDO) != rows:
        raise RunError(
            f"{folder.path / PSEUDO}: the pseudo-labels have changed since this run began. Bring its "
            "setting, answers files and pictures back, or begin another run."
        )
    if not rows:
        return train
    folder.write_text(PSEUDO, "".join(json.dumps(row) + "\n" for row in rows))
    return [*train, *pseudo.examples]


def _parity(
    policy: Policy, task: Task, train: Sequence[Example], config: RunConfig, folder: RunFolder
) -> Parity:
    """What the run found when it began: a resumed one must not choose anew, or its digits would differ."""
    known = folder.read_json("run.json").get("parity") if (folder.path / "run.json").exists() else None
    return Parity(**known) if known else check_paths(policy, task, train, config)


def check_paths(policy: Policy, task: Task, examples: Sequence[Example], config: RunConfig) -> Parity:
    """Compare the forms of sharing the prompt on real groups of the run's own questions.

    Args:
        policy: before its first step.
        task: the task.
        examples: training questions; the first two are used.
        config: rollout and prompt settings.
    """
    prompts = prompts_for(policy, task, examples[:2], config.prompt.form)
    r = config.rollout
    sampling = Sampling(r.temperature, r.top_p, r.top_k, r.max_new_tokens)
    groups = sample(policy, prompts, 2, sampling, config.seed, together=False)
    answers = [s.token_ids for group in groups for s in group]
    return compare_paths(policy, prompts, answers, 2, config.grpo.path)


def _rft(context: _Context) -> StepFunction:
    c = context
    reference = Reference(c.policy, c.config.grpo.beta)
    rollouts = RolloutMaker(c.policy, c.task, c.train, c.config, c.folder, c.share)
    return RftStep(rollouts, reference, c.parity.path)


def _sft(context: _Context) -> StepFunction:
    c = context
    return SftStep(c.policy, c.task, c.train, c.config, c.parity.path, c.share)


STEP_FUNCTIONS: dict[str, Callable[[_Context], StepFunction]] = {"rft": _rft, "sft": _sft}
