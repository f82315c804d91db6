"""From a labelled folder to the questions of an experiment: read, ask, split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vrft.config import Data, RunConfig
from vrft.data.base import Dataset, load_dataset
from vrft.data.split import Split, few_shot_split, split_from_manifest
from vrft.runs.folder import read_json
from vrft.tasks.base import Task, load_task
from vrft.types import Example


@dataclass(frozen=True)
class Questions:
    """A data set, its task, and the split of its questions."""

    dataset: Dataset
    task: Task
    split: Split


def ask_about(
    task: Task, dataset: Dataset, subject: str = "object", open_naming: bool = False
) -> list[Example]:
    """Every question that a data set can answer.

    Args:
        task: whose questions.
        dataset: labelled pictures.
        subject: kind of thing that classification asks about.
        open_naming: leave the class names out of the prompt, as the paper does.
    """
    examples = task.examples(dataset.records)
    if task.name == "classification":
        examples = [replace(e, question=subject, options=() if open_naming else e.options) for e in examples]
    return examples


def questions_of(config: RunConfig) -> Questions:
    """Read and split the data that a configuration names.

    Args:
        config: its task, data, prompt and seed.

    Raises:
        InputError: the folder has no labels for the task, or no class has enough pictures.
    """
    task = load_task(config.task)
    dataset = load_dataset(Path(config.data.path), task.name)
    examples = ask_about(task, dataset, config.prompt.subject, config.prompt.open)
    d = config.data
    if d.manifest is not None:
        return Questions(dataset, task, saved_split(examples, Path(d.manifest)))
    split = new_split(
        task, dataset, examples, d.shots, config.seed, d.eval_max, d.negatives, d.near_duplicates
    )
    return Questions(dataset, task, split)


def new_split(
    task: Task,
    dataset: Dataset,
    examples: Sequence[Example],
    shots: int,
    seed: int,
    eval_max: int,
    negatives: float = Data.model_fields["negatives"].default,
    near_duplicates: bool = True,
) -> Split:
    """Draw the few-shot split; classes that it leaves out are no options in any prompt."""
    split = few_shot_split(
        examples,
        task.group,
        shots=shots,
        seed=seed,
        eval_max=eval_max,
        negatives=negatives,
        parts=dataset.parts,
        near_duplicates=near_duplicates,
    )
    return _without_left_out(split)


def saved_split(examples: Sequence[Example], path: Path) -> Split:
    """The split of a manifest on disk."""
    return _without_left_out(split_from_manifest(examples, read_json(path)))


def _without_left_out(split: Split) -> Split:
    def kept(part: tuple[Example, ...]) -> tuple[Example, ...]:
        return tuple(replace(e, options=tuple(o for o in e.options if o not in split.left_out)) for e in part)

    return replace(split, train=kept(split.train), val=kept(split.val), heldout=kept(split.heldout))
