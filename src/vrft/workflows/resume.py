"""What a run that goes on must have as it began: its settings, the weights that it started from, its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vrft.config.questions import questions_left
from vrft.config.run_config import RunConfig, load_config
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import LEARNED, SavedSplit, manifest
from vrft.errors import RunError
from vrft.models.model_source import weights_of
from vrft.run_folder import MANIFEST, RunFolder, changes, read_json
from vrft.tasks.registry import definition_digest
from vrft.types import Example

MAY_CHANGE = (
    *("out", "loggers", "checks.rollouts", "checks.checkpoint_every"),
    *("rollout.url", "rollout.max_mismatch", "model.device", "optim.micro_prompts", "optim.shard"),
    *("optim.activation_checkpointing", "optim.activation_offload"),
)
"""What a resumed run may have otherwise: where it is, how fast, and what is written down."""
STEPS = "optim.steps"
"""How long; only where the learning rate does not depend on it."""


def check_unchanged(config: RunConfig, folder: RunFolder, split: Mapping[str, Any] | None = None) -> None:
    """Compare a run that goes on with what it began with.

    A model or a folder of images may have moved: they are compared by their content, where the run knows it.

    Args:
        config: of now.
        folder: holds the run.
        split: the manifest of its questions as they are now; None compares all but the data.

    Raises:
        RunError: something differs that changes the result; lists all of it.
    """
    began, facts = load_config(folder.path / "config.yaml"), folder.read_json("run.json")
    free, said = list(MAY_CHANGE), list[str]()
    if began.optim.schedule == "constant":
        free.append(STEPS)
    weights = facts.get("weights"), weights_of(config.model.path)
    if None not in weights:
        free.append("model.path")
        if weights[0] != weights[1]:
            said.append(f"model: other weights than those of {facts.get('model')}")
    for spec, digest in facts.get("definitions", {}).items():
        if (now := definitions_of(config).get(spec)) is not None and now != digest:
            said.append(f"task: {spec} says something else than when the run began")
    if (folder.path / MANIFEST).exists():
        keys = ("path", "manifest", "select.probe")
        free += [f"data.{key}" for key in keys]
        free += [f"tasks.{source}.data.{key}" for source in config.by_source for key in keys]
        said += _other_questions(began, config, SavedSplit.read(folder.read_json(MANIFEST)), split)
    settings = changes(_by_name(began), _by_name(config), free)
    if differing := "; ".join([settings, *said] if settings else said):
        raise RunError(
            f"{folder.path}: a resumed run keeps its settings, and these differ ({differing}). Go on "
            "with its own config.yaml, or name another folder."
        )


def _other_questions(
    began: RunConfig, config: RunConfig, kept: SavedSplit, split: Mapping[str, Any] | None
) -> Iterator[str]:
    """How the manifests and the questions of now differ from those of the run."""
    before = began.by_source
    for source, own in config.by_source.items():
        named = own.data.manifest
        if named is not None and source in before and named != before[source].data.manifest:
            yield from kept.of_source(source).changes(SavedSplit.read(read_json(Path(named))), LEARNED)
    if split is not None:
        yield from kept.changes(SavedSplit.read(split), LEARNED)


def definitions_of(config: RunConfig) -> dict[str, str]:
    """The digests of the tasks that files define."""
    named = {own.task.name: definition_digest(own.task.name) for own in config.by_source.values()}
    return {name: digest for name, digest in named.items() if digest is not None}


def _by_name(config: RunConfig) -> dict[str, Any]:
    """A configuration as plain values, the entries of ``tasks`` by their names."""
    tree: dict[str, Any] = config.model_dump(mode="json")
    return {**tree, "tasks": {entry["name"]: entry for entry in tree["tasks"]}}


def unchanged_split(folder: Path, examples: Sequence[Example]) -> Split:
    """The split that a fit began with.

    Raises:
        RunError: its questions or their images are no longer the same.
    """
    kept = SavedSplit.read(read_json(folder / MANIFEST))
    split = questions_left(examples, kept)
    if differing := "; ".join(kept.changes(SavedSplit.read(manifest(split)))):
        raise RunError(
            f"{folder}: a resumed fit keeps its data, and it has changed ({differing}). Restore it, or name "
            "another --out."
        )
    return split
