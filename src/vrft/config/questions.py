"""From a configuration to the questions of its run: read, ask, split."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vrft.config.run_config import RunConfig
from vrft.data.data_options import DataOptions, ReadOptions
from vrft.data.dataset import Dataset, labels_for, load_dataset
from vrft.data.fingerprints import CACHE, Fingerprints, fingerprints, of_sequence, unusable
from vrft.data.label_checks import raise_all
from vrft.data.splits.few_shot import Split, few_shot_split
from vrft.data.splits.manifest import SavedSplit, split_from_manifest
from vrft.errors import InputError, LabelError
from vrft.progress import ProgressReporter
from vrft.run_folder import read_json
from vrft.tasks.lazy_questions import LazyQuestionGrid
from vrft.tasks.registry import default_task, load_task, task_names
from vrft.tasks.task import Task
from vrft.training.pseudo_labels import NO_PSEUDO, PseudoLabels, pseudo_labels
from vrft.types import Example, Form, Image, in_words

Refusal = Callable[[Image], LabelError | None]
"""Why a model's image processor refuses an image; None where it takes it (``models.image_limits``)."""


@dataclass(frozen=True)
class Questions:
    """A dataset, the task that asks about it, and the split of its questions."""

    dataset: Dataset
    task: Task
    split: Split
    prints: Fingerprints | None = None
    """What was found of each image, where all were looked at."""


def labels_at(
    path: Path | str,
    task: str | None = None,
    options: Mapping[str, object] | None = None,
    reading: ReadOptions | None = None,
) -> tuple[Task, Dataset]:
    """A task and the labelled images that it asks about.

    Args:
        path: the labels.
        task: None takes what the labels suggest.
        options: of the task.
        reading: what the labels leave open.

    Raises:
        InputError: the labels cannot be read, or no task asks about such labels by itself.
    """
    if task is not None:
        chosen = load_task(task, options)
        return chosen, labels_for(chosen, path, reading)
    dataset = load_dataset(path, options=reading)
    suggested = default_task(dataset.provides)
    if suggested is None:
        raise InputError(
            f"{path}: no task asks about such labels ({in_words(dataset.provides)}) by itself. Say which one "
            f"is meant: {', '.join(task_names())}, or the file of your own."
        )
    return load_task(suggested.name, options), dataset


def load_examples(
    data: Path | str, task: str | None = None, options: Mapping[str, object] | None = None
) -> list[Example]:
    """The questions of a task about labelled images, with their targets.

    Args:
        data: a folder of labelled images or a label file, in any format that vrft reads.
        task: a name, ``package.module:TASK`` or ``file.py:TASK``; None takes what the labels suggest.
        options: of the task.

    Raises:
        InputError: the labels cannot be read, or suit no task or not this one; all mistakes are listed.

    Example:
        >>> from tempfile import mkdtemp
        >>> from vrft.miniature.folders import write_classification
        >>> folder = write_classification(Path(mkdtemp()), 0, ("one", "two"), train=1, val=0, heldout=0)
        >>> [example.target.name for example in load_examples(folder)]
        ['one', 'two']
    """
    chosen, dataset = labels_at(data, task, options)
    return list(chosen.examples(dataset.records))


def ask_about(task: Task, dataset: Dataset, form: Form = Form.THINK) -> Sequence[Example]:
    """Every question that a dataset can answer, in one form; InputError where its labels do not do."""
    examples = task.examples(dataset.records)
    if not examples and (why := task.unused_label_notes(dataset.records)):
        raise InputError(f"{dataset.root}: {task.name} has nothing to ask about. {' '.join(why)}")
    if form is Form.THINK:
        return examples
    if isinstance(examples, LazyQuestionGrid):
        return examples.in_form(form)
    return [replace(example, form=form) for example in examples]


def takes_all(image: Image) -> None:
    """Refuses no image."""


def questions_of(
    config: RunConfig,
    reporter: ProgressReporter | None = None,
    *,
    refusal: Refusal = takes_all,
    saved: SavedSplit | None = None,
) -> Questions:
    """Read and split the data that a configuration of one task names, without the images that its model
    refuses.

    Args:
        config: its ``data`` section.
        reporter: where progress goes.
        refusal: why the model refuses an image.
        saved: the split of the run that goes on: its questions as they are today, without those that are
            gone.
    """
    task = config.task.load()
    dataset = labels_for(task, config.data.path, config.data)
    if saved is not None:
        return Questions(dataset, task, questions_left(ask_about(task, dataset, config.form), saved))
    if config.data.manifest is not None:
        split = saved_split(ask_about(task, dataset, config.form), Path(config.data.manifest))
        asked = {example.record_id for example in (*split.train, *split.val, *split.heldout)}
        dataset, found = usable(dataset, config.data.strict, Path(config.out), reporter, refusal, asked)
        kept = each_part(split, lambda part: (example for example in part if example.record_id in found))
        return Questions(dataset, task, kept)
    dataset, found = usable(dataset, config.data.strict, Path(config.out), reporter, refusal)
    split = split_of(config.data, dataset, ask_about(task, dataset, config.form), config.seed, found)
    return Questions(dataset, task, split, found)


def questions_left(examples: Sequence[Example], saved: SavedSplit) -> Split:
    """What is left of a run's own split, by the ids of its questions; nothing is compared."""
    return _without_left_out(saved.named_in(examples))


def compute_fingerprints(
    dataset: Dataset, folder: Path | None = None, reporter: ProgressReporter | None = None
) -> Fingerprints:
    """The fingerprints of a dataset's images, kept in a folder (a run's or a fit's) for the next time."""
    cache = folder / CACHE if folder is not None else None
    paths = {str(medium.path): medium.path for record in dataset.records for medium in record.media}
    found = fingerprints(paths, cache, reporter)
    return {r.id: of_sequence([found[str(medium.path)] for medium in r.media]) for r in dataset.records}


def usable(
    dataset: Dataset,
    strict: bool = False,
    folder: Path | None = None,
    reporter: ProgressReporter | None = None,
    refusal: Refusal = takes_all,
    names: Collection[str] | None = None,
) -> tuple[Dataset, Fingerprints]:
    """A dataset without the images that cannot be used or that a model refuses, and the others' fingerprints.

    Args:
        dataset: the labelled images.
        strict: refuse such images.
        folder: keeps the fingerprints for the next time.
        reporter: where progress goes.
        refusal: why the model refuses an image.
        names: of the records whose images are looked at; None looks at all.

    Raises:
        LabelError: as ``Dataset.without``.
    """
    records = tuple(record for record in dataset.records if names is None or record.id in names)
    found = compute_fingerprints(replace(dataset, records=records), folder, reporter)
    mistakes = {
        record.id: why
        for record in records
        for medium in record.media
        if isinstance(medium, Image) and (why := refusal(medium)) is not None
    }
    mistakes |= unusable(records, found)
    kept = {name: print_ for name, print_ in found.items() if name not in mistakes}
    return dataset.without(mistakes, strict), kept


def split_of(
    options: DataOptions,
    dataset: Dataset,
    examples: Sequence[Example],
    seed: int,
    found: Fingerprints | None = None,
) -> Split:
    """The split that the options ask for: the one that they name, or a new one.

    ``found``, where it is given, is of ``usable``.
    """
    if options.manifest is not None:
        return saved_split(examples, Path(options.manifest), dataset.gone)
    if found is None:
        found = compute_fingerprints(dataset)
        raise_all(list(unusable(dataset.records, found).values()))
    split = few_shot_split(
        examples,
        shots=options.shots,
        seed=seed,
        eval_max=options.eval_max,
        negatives=options.negatives,
        parts=dataset.parts,
        near_duplicates=options.near_duplicates,
        prints=found,
        val_max=options.val_max,
    )
    return _without_left_out(split)


def saved_split(examples: Sequence[Example], path: Path, gone: Collection[str] = ()) -> Split:
    """The split of a manifest on disk; questions about images that are gone may be missing."""
    return _without_left_out(split_from_manifest(examples, read_json(path), gone))


def pseudo_of(
    config: RunConfig, questions: Questions, reporter: ProgressReporter | None = None
) -> PseudoLabels:
    """The pseudo-labels that a configuration asks for; none where it asks for none."""
    if config.pseudo_labels is None:
        return NO_PSEUDO
    dataset, split = questions.dataset, questions.split
    learned = {e.record_id for e in split.train}
    given = {r.id: r.media[0].path for r in dataset.records if dataset.parts.get(r.id) in ("val", "test")}
    held_out = {name: path for name, path in given.items() if name not in learned}
    held_out |= {e.record_id: e.media[0].path for e in (*split.val, *split.heldout)}
    made = pseudo_labels(
        config.pseudo_labels,
        {questions.task.name},
        split.train,
        held_out,
        form=config.form,
        seed=config.seed,
        near_duplicates=config.data.near_duplicates,
        cache=Path(config.out) / CACHE,
        reporter=reporter,
    )
    if reporter is not None:
        reporter.info(made.sentence)
    return made


def _without_left_out(split: Split) -> Split:
    def asked(example: Example) -> Example:
        return replace(example, options=tuple(o for o in example.options if o not in split.left_out))

    return each_part(split, lambda part: map(asked, part))


def each_part(split: Split, change: Callable[[tuple[Example, ...]], Iterable[Example]]) -> Split:
    """A split with each of its parts changed."""
    train, val, heldout = (tuple(change(part)) for part in (split.train, split.val, split.heldout))
    return replace(split, train=train, val=val, heldout=heldout)
