"""From a labelled folder to the questions of an experiment: read, ask, split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vrft.config.run_config import Data, RunConfig
from vrft.data.dataset import Dataset, load_dataset
from vrft.data.fingerprints import CACHE, Prints, fingerprints, wrong_sizes
from vrft.data.images import image_size_wh
from vrft.data.label_checks import check_size, raise_all
from vrft.data.splits.few_shot import Split, few_shot_split, split_from_manifest
from vrft.errors import LabelError
from vrft.progress import Narrator
from vrft.run_folder import read_json
from vrft.tasks.task import Task, load_task
from vrft.training.pseudo_labels.pseudo_labels import NO_PSEUDO, PseudoLabels, pseudo_labels
from vrft.types import Example


@dataclass(frozen=True)
class Questions:
    """A data set, its task, and the split of its questions."""

    dataset: Dataset
    task: Task
    split: Split


def ask_about(
    task: Task, dataset: Dataset, subject: str = "object", open_naming: bool = False
) -> Sequence[Example]:
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


def questions_of(config: RunConfig, narrator: Narrator | None = None) -> Questions:
    """Read and split the data that a configuration names.

    Without a manifest every picture is read; what was found is kept in the run's folder.

    Args:
        config: its task, data, prompt and seed.
        narrator: where progress goes.

    Raises:
        InputError: the folder has no labels for the task, or no class has enough pictures.
    """
    task = load_task(config.task)
    dataset = load_dataset(Path(config.data.path), task.name)
    examples = ask_about(task, dataset, config.prompt.subject, config.prompt.open)
    prints = None if config.data.manifest else prints_of(dataset, Path(config.out), narrator)
    return Questions(dataset, task, split_of(config, task, dataset, examples, prints))


def split_of(
    config: RunConfig, task: Task, dataset: Dataset, examples: Sequence[Example], prints: Prints | None
) -> Split:
    """The split that a configuration asks for: the one that it names, or a new one.

    Args:
        config: its data and seed.
        task: whose questions.
        dataset: labelled pictures.
        examples: what it can be asked (``ask_about``).
        prints: of its pictures; a split that was saved needs none.

    Raises:
        InputError: the saved split does not fit the questions, or no class has enough pictures.
    """
    d = config.data
    if d.manifest is not None:
        return saved_split(examples, Path(d.manifest))
    return new_split(
        task,
        dataset,
        examples,
        d.shots,
        config.seed,
        d.eval_max,
        d.negatives,
        d.near_duplicates,
        prints,
        d.val_max,
    )


def pseudo_of(config: RunConfig, questions: Questions, narrator: Narrator | None = None) -> PseudoLabels:
    """The pseudo-labels that a configuration asks for; none where it asks for none.

    Beside the pictures of validation and held-out questions, no other picture that the data set itself gives
    to its validation or test part is used.

    Args:
        config: its ``data.pseudo``, task and seed.
        questions: of the labelled pictures, as ``questions_of`` gave them.
        narrator: where progress and the counts go.

    Raises:
        RunError, InputError: as ``pseudo_labels``.
    """
    settings = config.data.pseudo
    if settings is None:
        return NO_PSEUDO
    dataset, split = questions.dataset, questions.split
    learned = {e.record_id for e in split.train}
    given = {r.id: r.image for r in dataset.records if dataset.parts.get(r.id) in ("val", "test")}
    held_out = {name: image for name, image in given.items() if name not in learned}
    held_out |= {e.record_id: e.image for e in (*split.val, *split.heldout)}
    made = pseudo_labels(
        settings,
        questions.task.name,
        split.train,
        held_out,
        seed=config.seed,
        near_duplicates=config.data.near_duplicates,
        cache=Path(config.out) / CACHE,
        narrator=narrator,
    )
    if narrator is not None:
        narrator.say(made.sentence)
    return made


def prints_of(dataset: Dataset, folder: Path | None = None, narrator: Narrator | None = None) -> Prints:
    """The fingerprints of a data set's pictures, kept in a folder for the next time.

    Args:
        dataset: as it was read.
        folder: a run's or a fit's; None keeps nothing.
        narrator: where progress goes.
    """
    cache = folder / CACHE if folder is not None else None
    return fingerprints({record.id: record.image for record in dataset.records}, cache, narrator)


def new_split(
    task: Task,
    dataset: Dataset,
    examples: Sequence[Example],
    shots: int,
    seed: int,
    eval_max: int,
    negatives: float = Data.model_fields["negatives"].default,
    near_duplicates: bool = True,
    prints: Prints | None = None,
    val_max: int = Data.model_fields["val_max"].default,
) -> Split:
    """Draw the few-shot split; classes that it leaves out are no options in any prompt.

    Args:
        task: whose questions.
        dataset: labelled pictures.
        examples: what it can be asked (``ask_about``).
        shots: training pictures a class.
        seed: any integer.
        eval_max: most held-out questions.
        negatives: share of questions about absent things.
        near_duplicates: whether pictures that look nearly the same count as one.
        prints: fingerprints of its pictures (``prints_of``); None reads the pictures here.
        val_max: most validation questions.

    Raises:
        InputError: no class has enough pictures.
        LabelError: a picture cannot be read, or labels are for another size than their picture has.
    """
    prints = prints_of(dataset) if prints is None else prints
    raise_all(wrong_sizes(dataset.records, prints))
    split = few_shot_split(
        examples,
        task.group,
        shots=shots,
        seed=seed,
        eval_max=eval_max,
        negatives=negatives,
        parts=dataset.parts,
        near_duplicates=near_duplicates,
        prints=prints,
        val_max=val_max,
    )
    return _without_left_out(split)


def saved_split(examples: Sequence[Example], path: Path) -> Split:
    """The split of a manifest on disk.

    Raises:
        InputError: the manifest cannot be used, or does not belong to the data.
        LabelError: a picture has changed, or labels are for another size than their picture has.
    """
    split = split_from_manifest(examples, read_json(path))
    check_sizes((*split.train, *split.val, *split.heldout))
    return _without_left_out(split)


def check_sizes(examples: Iterable[Example]) -> None:
    """Compare the sizes that labels are for with those of the pictures themselves.

    Args:
        examples: questions that are about to be asked; every picture is opened once.

    Raises:
        LabelError: a picture is seen at another size, or cannot be read.
    """
    mistakes: list[LabelError] = []
    for image, image_wh in {example.image: example.image_wh for example in examples}.items():
        try:
            check_size(image_wh, image_size_wh(image), str(image))
        except LabelError as mistake:
            mistakes.append(mistake)
    raise_all(mistakes)


def _without_left_out(split: Split) -> Split:
    def kept(part: tuple[Example, ...]) -> tuple[Example, ...]:
        return tuple(replace(e, options=tuple(o for o in e.options if o not in split.left_out)) for e in part)

    return replace(split, train=kept(split.train), val=kept(split.val), heldout=kept(split.heldout))
