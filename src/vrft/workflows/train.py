"""One training run from a configuration and a split: load, compare methods, loop, save."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from vrft.config.run_config import RunConfig, dump_config
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import hash_of, manifest, split_of_model
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import ConfigError, RunError
from vrft.models.model_source import weights_of
from vrft.models.policy import Policy
from vrft.rollout.parity import Parity
from vrft.run_folder import MANIFEST, PSEUDO, RunFolder, hardware, place_of_data, versions
from vrft.tasks.scorer import scorers_of
from vrft.training.loggers import RunDescription, open_loggers
from vrft.training.loop import Progress, run_loop
from vrft.training.pseudo_labels import NO_PSEUDO, PseudoLabels
from vrft.training.rollout_source import RolloutSource
from vrft.training.saved_policy import save_trained
from vrft.training.selector import SELECTION
from vrft.training.sharding import scorer_of
from vrft.types import Example
from vrft.workflows.configured import policy_of, train_step_of
from vrft.workflows.method_choice import parity_of
from vrft.workflows.policy_validation import policy_validation
from vrft.workflows.resume import check_unchanged, definitions_of

_LOGGER = logging.getLogger("vrft.training")


@dataclass(frozen=True)
class Trained:
    """A finished (or interrupted) run: its folder, the policy, and how the loop ended."""

    folder: RunFolder
    policy: Policy
    best_step: int
    validation: float | None
    steps: int
    stopped: bool
    validations: Mapping[str, float] = field(default_factory=dict)
    """Of each entry, at the best step."""


def train_run(
    config: RunConfig,
    folder: RunFolder,
    train: Sequence[Example],
    val: Sequence[Example],
    *,
    split: Mapping[str, Any] | None = None,
    data_roots: Mapping[str, Path] | None = None,
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
        data_roots: the folder of each dataset, by ``Example.source``; None is not known.
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
                shots = max(own.data.shots for own in config.by_source.values())
                split = manifest(Split(tuple(train), tuple(val), (), {}, config.seed, shots))
            if folder.began:
                check_unchanged(config, folder, split)
            else:
                before = split_of_model(Path(config.model.path))
                besides = {hash_of(example.media) for example in pseudo.examples}
                besides |= before.learned if before is not None else set()
                folder.write_json(MANIFEST, {**split, "learned_besides": sorted(besides)})
        place = _places(config, data_roots or {}, folder)
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
    place: Mapping[str, object],
    progress: Progress,
    context: DistributedContext,
) -> Trained:
    scorers_of(train, config.rewards)  # a wrong setting is reported before the model is loaded
    resumes = folder.began
    train = _with_pseudo(train, pseudo, folder)
    torch.manual_seed(config.seed)
    policy = policy_of(config, context=context, learns=True)
    if context.index:  # the first draws as if it were alone; the others drop other units out
        torch.manual_seed(config.seed + context.index)
    folder.write_text("config.yaml", dump_config(config))
    scorer = scorer_of(policy, context, config.optim.shard)
    parity = parity_of(policy, train, config, folder, scorer, context)
    if resumes and context.is_first:
        before = folder.read_json("run.json").get("processes", context.count)
        if before != context.count:
            _LOGGER.warning(
                f"{folder.path}: the run had {before} processes, and goes on in {context.count}. Its result "
                "is the same to rounding; a step takes another time."
            )
    folder.write_json("run.json", {**_description(config, policy, pseudo, parity, context), **place})
    step = train_step_of(config, policy, train, parity.method, context, texts, scorer)
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
            validation=policy_validation(policy, val, config.ask_options(), context, step, scorer.gathered)
            if val
            else None,
            progress=progress,
            context=context,
        )
    finally:
        if isinstance(step.source, RolloutSource):
            step.source.close()
    if isinstance(step.source, RolloutSource) and step.source.selectors:
        described = {source: one.described() for source, one in step.source.selectors.items()}
        folder.write_json(SELECTION, described.get("", described))
    saved = None if result.stopped else scorer.on_one()
    if saved is not None and context.is_first:
        save_trained(saved, folder.path / "model", config.model, train)
        done: dict[str, Any] = {
            "steps": result.steps,
            "best_step": result.best_step,
            "validation": result.best_value,
        }
        if len(result.best_values) > 1:
            done["validation_by_source"] = dict(result.best_values)
        folder.write_json("done.json", done)
    context.wait_for_everyone()
    return Trained(
        folder,
        policy,
        result.best_step,
        result.best_value,
        result.steps,
        result.stopped,
        result.best_values,
    )


def _places(config: RunConfig, roots: Mapping[str, Path], folder: RunFolder) -> dict[str, object]:
    """Where the images of a run lie; with several tasks by their names, under ``sources``."""
    places: dict[str, dict[str, object]] = {
        source: place_of_data(own.data.path, roots[source], folder.path) if source in roots else {}
        for source, own in config.by_source.items()
    }
    if not config.tasks:
        return places[""]
    tasks = {source: own.task.name for source, own in config.by_source.items()}
    return {"sources": {source: {"task": tasks[source], **place} for source, place in places.items()}}


def _description(
    config: RunConfig, policy: Policy, pseudo: PseudoLabels, parity: Parity, context: DistributedContext
) -> dict[str, object]:
    return {
        "method": config.method,
        "task": ", ".join(dict.fromkeys(own.task.name for own in config.by_source.values())),
        "seed": config.seed,
        "model": config.model.path,
        "weights": weights_of(config.model.path),
        **({"definitions": found} if (found := definitions_of(config)) else {}),
        **({"pseudo": pseudo.counts()} if pseudo.labels else {}),
        "parity": asdict(parity),
        "hardware": hardware(),
        "device": str(policy.device),
        "processes": context.count,
        "versions": versions(),
    }


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
