"""One training run from a configuration and a split: load, compare methods, loop, save."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from vrft.config.run_config import RunConfig, dump_config
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import hash_of, manifest, split_of_model
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import ConfigError, RunError
from vrft.inference.ask_options import BATCH
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.models.load_policy import WITHOUT_WEIGHTS, load_policy, natural_device, natural_dtype
from vrft.models.model_source import weights_of
from vrft.models.policy import Policy
from vrft.progress import Update
from vrft.rollout.driver import prompts_for
from vrft.rollout.hidden_states import LogprobMethod
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.parity import Parity, compare_methods
from vrft.rollout.sampler import load_sampler
from vrft.run_folder import MANIFEST, PSEUDO, RunFolder, hardware, place_of_data, versions
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.registry import task_of
from vrft.tasks.scorer import scorers_of
from vrft.training.batch import Row
from vrft.training.gold_source import GoldSource
from vrft.training.grpo import CrossEntropy, GrpoObjective
from vrft.training.loggers import RunDescription, open_loggers
from vrft.training.loop import Progress, Validation, run_loop
from vrft.training.pseudo_labels import NO_PSEUDO, PseudoLabels
from vrft.training.reference import Reference
from vrft.training.rollout_source import RolloutSource
from vrft.training.saved_policy import save_trained
from vrft.training.selector import SELECTION, Selector, known_outcomes
from vrft.training.train_step import TrainStep
from vrft.types import Example, SampleSeed
from vrft.workflows.resume import check_unchanged

COMPARED = 2
"""Questions, and answers to each, on which the methods of log-probabilities are compared."""


@dataclass(frozen=True)
class Trained:
    """A finished (or interrupted) run: its folder, the policy, and how the loop ended."""

    folder: RunFolder
    policy: Policy
    best_step: int
    validation: float | None
    steps: int
    stopped: bool


def policy_of(
    config: RunConfig, *, weights: bool = True, context: DistributedContext = SINGLE_PROCESS
) -> Policy:
    """Load the policy that a configuration names.

    Args:
        config: its ``model`` section, and whether activations are checkpointed or offloaded.
        weights: False gives a policy of the same shapes that cannot answer, at no cost.
        context: which process this is: where the configuration leaves the device open, each has its own.
    """
    options = config.model
    if not weights:
        device = natural_device() if options.device == "auto" else options.device
        dtype = natural_dtype(device) if options.dtype == "auto" else options.dtype
        options = options.model_copy(update={"device": WITHOUT_WEIGHTS, "dtype": dtype})
    elif options.device == "auto":
        options = options.model_copy(update={"device": context.device})
    policy = load_policy(options)
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
) -> TrainStep:
    """What one step of a configuration does.

    Args:
        config: method, sampling, rewards, algorithm.
        policy: that learns.
        train: training questions, of any tasks.
        method: how log-probabilities are computed.
        context: which process this is.
        texts: what SFT learns to say, by the question's id; None takes gold answers.

    Raises:
        ConfigError: unknown reward setting or term.
    """
    micro = config.optim.micro_prompts
    if not config.samples:
        gold = GoldSource(
            policy,
            train,
            prompts_per_step=config.optim.prompts_per_step,
            augment=config.augment,
            texts=texts,
            context=context,
        )
        return TrainStep(policy, gold, CrossEntropy(), method=method, micro_groups=micro, context=context)
    objective = GrpoObjective(config.grpo)
    # Prompts that are encoded for sampling serve the gradient too, where all of them train at once and
    # nothing drops out of the one and not of the other.
    drops = config.model.lora is not None and config.model.lora.dropout > 0
    others = {name: Reference(policy) for name in objective.needs}
    scorer = AnswerScorer(policy)
    sampler = load_sampler(config.rollout.sampler, policy, share_images=False, scorer=scorer)
    source = RolloutSource(
        sampler,
        policy,
        train,
        scorers_of(train, config.reward),
        rollout=config.rollout,
        grpo=config.grpo,
        prompts_per_step=config.optim.prompts_per_step,
        augment=config.augment,
        selector=_selector(config, train),
        encodes=method == "shared" and not micro and not drops,
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
    )


def _selector(config: RunConfig, train: Sequence[Example]) -> Selector | None:
    rule = config.data.select
    if rule is None:
        return None
    known = known_outcomes(Path(rule.probe), config.form, config.model.path) if rule.probe is not None else {}
    return Selector(train, rule, known)


def train_run(
    config: RunConfig,
    folder: RunFolder,
    train: Sequence[Example],
    val: Sequence[Example],
    *,
    split: Mapping[str, Any] | None = None,
    data_root: Path | None = None,
    pseudo: PseudoLabels = NO_PSEUDO,
    texts: Mapping[str, str] | None = None,
    resume: bool = False,
    progress: Progress = lambda step, steps, row: None,
    context: DistributedContext = SINGLE_PROCESS,
) -> Trained:
    """Train one policy, in one process or in several.

    Args:
        config: what and how.
        folder: where everything goes.
        train: training questions, at least one.
        val: validation questions; empty switches validation off.
        split: the manifest of the whole split, which the run keeps; None makes one of ``train`` and ``val``.
        data_root: the folder of the dataset; None is not known.
        pseudo: what is learned from besides ``train``, where the configuration asks for it.
        texts: what SFT learns to say, by the question's id; None takes gold answers.
        resume: go on from the folder's newest checkpoint.
        progress: called after each step.
        context: which process this is: each calls with the same arguments, answers its part of a step's
            questions, and ends with the same weights; the first one writes.

    Returns:
        The policy with the weights of its best validation, saved under ``model/`` unless it was interrupted.

    Raises:
        RunError: the folder holds a run and ``resume`` is False, it began with other settings, weights, data
            or pseudo-labels, or another process trains in it.
        ConfigError: unknown reward setting, nothing to learn, more processes than prompts per step, or
            there are pseudo-labels and the configuration asks for none, or the other way round.
    """
    if bool(pseudo.labels) != (config.pseudo_labels is not None):
        raise ConfigError(
            f"pseudo_labels: {len(pseudo.labels)} pseudo-labels do not belong to this configuration. Take "
            "them from vrft.config.questions.pseudo_of, and give them to train_run."
        )
    check_processes(config, context)
    folder = RunFolder(folder.path, writes=context.is_first)
    with folder.held():
        folder.open(resume)
        if context.is_first:
            if split is None:
                split = manifest(Split(tuple(train), tuple(val), (), {}, config.seed, config.data.shots))
            if folder.began:
                check_unchanged(config, folder, split)
            else:
                before = split_of_model(Path(config.model.path))
                besides = {hash_of(example.media) for example in pseudo.examples}
                besides |= before.learned if before is not None else set()
                folder.write_json(MANIFEST, {**split, "learned_besides": sorted(besides)})
        place = place_of_data(config.data.path, data_root, folder.path) if data_root is not None else {}
        return _train(
            config,
            folder,
            train,
            val,
            pseudo=pseudo,
            texts=texts,
            place=place,
            progress=progress,
            context=context,
        )


def _train(
    config: RunConfig,
    folder: RunFolder,
    train: Sequence[Example],
    val: Sequence[Example],
    *,
    pseudo: PseudoLabels,
    texts: Mapping[str, str] | None,
    place: Mapping[str, str],
    progress: Progress,
    context: DistributedContext,
) -> Trained:
    scorers_of(train, config.reward)  # a wrong setting is reported before the model is loaded
    resumes = folder.began
    train = _with_pseudo(train, pseudo, folder)
    torch.manual_seed(config.seed)
    policy = policy_of(config, context=context)
    if context.index:  # the first draws as if it were alone; the others drop other units out
        torch.manual_seed(config.seed + context.index)
    folder.write_text("config.yaml", dump_config(config))
    found = _parity(policy, train, config, folder) if context.is_first else None
    parity = context.broadcast_object(found)
    assert parity is not None
    folder.write_json("run.json", {**_description(config, policy, pseudo, parity, context), **place})
    step = train_step_of(config, policy, train, parity.method, context, texts)
    plain = config.model_dump(mode="json")
    run = RunDescription(folder, folder.path.name, plain, resumes, config.checks.rollouts)
    try:
        result = run_loop(
            policy,
            step,
            folder,
            open_loggers(config.loggers, run),
            optim=config.optim,
            checks=config.checks,
            seed=config.seed,
            validation=_validation(config, policy, val, context) if val else None,
            progress=progress,
            context=context,
        )
    finally:
        if isinstance(step.source, RolloutSource):
            step.source.sampler.close()
    if isinstance(step.source, RolloutSource) and step.source.selector is not None:
        folder.write_json(SELECTION, step.source.selector.described())
    if not result.stopped and context.is_first:
        save_trained(policy, folder.path / "model", config.model, train)
        done = {"steps": result.steps, "best_step": result.best_step, "validation": result.best_value}
        folder.write_json("done.json", done)
    context.wait_for_everyone()
    return Trained(folder, policy, result.best_step, result.best_value, result.steps, result.stopped)


def _description(
    config: RunConfig, policy: Policy, pseudo: PseudoLabels, parity: Parity, context: DistributedContext
) -> dict[str, object]:
    return {
        "method": config.method,
        "task": config.task.name,
        "seed": config.seed,
        "model": config.model.path,
        "weights": weights_of(config.model.path),
        **({"pseudo": pseudo.counts()} if pseudo.labels else {}),
        "parity": asdict(parity),
        "hardware": hardware(),
        "device": str(policy.device),
        "processes": context.count,
        "versions": versions(),
    }


def _validation(
    config: RunConfig, policy: Policy, val: Sequence[Example], context: DistributedContext
) -> Validation:
    """The mean over tasks of their headline metrics; of one task, that metric."""
    by_task: dict[str, list[Example]] = {}
    for example in val:
        by_task.setdefault(example.task, []).append(example)
    metrics: dict[str, Metric] = {name: task_of(part[0]).metrics[0] for name, part in by_task.items()}
    signs = {name: 1 if metric.higher_is_better else -1 for name, metric in metrics.items()}
    alone = next(iter(metrics.values())) if len(metrics) == 1 else None
    batch = min(BATCH, math.ceil(len(val) / context.count))
    predictor = PolicyPredictor.of(policy, config.ask_options(batch=batch))

    def score() -> float:
        predictions = evaluate(predictor, val, batch=batch, context=context)
        values = {
            name: metric.value([p for p in predictions if p.example.task == name])
            for name, metric in metrics.items()
        }
        if alone is not None:
            return next(iter(values.values()))
        return sum(signs[name] * value for name, value in values.items()) / len(values)

    return Validation(score, alone.higher_is_better if alone is not None else True)


def shown_by(update: Update) -> Progress:
    """Reports the steps of a run to a progress bar."""
    last = 0

    def progress(step: int, steps: int, row: Row) -> None:
        nonlocal last
        key = "reward" if "reward" in row else "loss"
        validation = row.get("validation")
        seen = f", validation {validation:.3f}" if validation is not None else ""
        update(step - last, f"{key} {row[key]:.2f}{seen}")
        last = step

    return progress


def check_processes(config: RunConfig, context: DistributedContext) -> None:
    """See that every process has something to do."""
    if context.count > config.optim.prompts_per_step:
        raise ConfigError(
            f"optim.prompts_per_step: {config.optim.prompts_per_step} are fewer than the {context.count} "
            "processes, and some would have nothing to do. Set a multiple of that, or start fewer processes."
        )


def _with_pseudo(train: Sequence[Example], pseudo: PseudoLabels, folder: RunFolder) -> Sequence[Example]:
    """Labelled and pseudo-labelled questions, the latter kept in the folder: a resumed run has the same."""
    rows = json.loads(json.dumps(pseudo.rows()))
    if folder.began and folder.rows(PSEUDO) != rows:
        raise RunError(
            f"{folder.path / PSEUDO}: the pseudo-labels have changed since this run began. Restore "
            "its settings, prediction files and images, or start another run."
        )
    if not rows:
        return train
    folder.write_text(PSEUDO, "".join(json.dumps(row) + "\n" for row in rows))
    return [*train, *pseudo.examples]


def _parity(policy: Policy, train: Sequence[Example], config: RunConfig, folder: RunFolder) -> Parity:
    """What the run found when it began: a resumed one must not choose anew, or its digits would differ."""
    if folder.began and (known := folder.read_json("run.json").get("parity")):
        return Parity(**known)
    return check_methods(policy, train, config)


def check_methods(policy: Policy, examples: Sequence[Example], config: RunConfig) -> Parity:
    """Compare the methods of computing log-probabilities on real groups of the run's own questions.

    There are no more at once than in a step: the comparison takes no memory that a step does not take.
    """
    optim = config.optim
    at_once = min(optim.micro_prompts or COMPARED, optim.prompts_per_step, COMPARED)
    prompts = prompts_for(policy, examples[:at_once])
    sampler = load_sampler("shared_prompt", policy, share_images=False)
    params = config.rollout.params()
    groups = sampler.generate(prompts, COMPARED, params, SampleSeed.whole(len(prompts), config.seed))
    answers = [said.token_ids for group in groups for said in group]
    return compare_methods(policy, prompts, answers, COMPARED, config.grpo.logprob_method)
