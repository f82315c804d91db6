"""Predictions files to pseudo-labelled questions, ready to be trained on as labelled ones are."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vrft.data.duplicates import near_images, same_images
from vrft.data.fingerprints import fingerprints, read_prints
from vrft.data.label_checks import check_size, raise_all
from vrft.errors import ConfigError, InputError, LabelError
from vrft.evaluation.ensemble import answers_of
from vrft.evaluation.predictor import read_predictions
from vrft.progress import ProgressReporter
from vrft.tasks.fusion import Candidate, mean_pair_agreement
from vrft.tasks.registry import task_of
from vrft.tasks.task import Task
from vrft.training.pseudo_labels.pseudo_options import Outcome, PseudoOptions, sentence
from vrft.types import Example, Form, Prediction, Value

PREFIX = "pseudo"
ROUNDING = 1e-9
"""A share of 0.29 of 100 questions is 29, and not 28 as floats have it."""


@dataclass(frozen=True)
class PseudoLabel:
    """One question with the label that its answers agree on."""

    example: Example
    agreement: float
    """In [0, 1]."""


@dataclass(frozen=True)
class PseudoLabels:
    """What was made of predictions files, and what was left out."""

    labels: tuple[PseudoLabel, ...] = ()
    left_out: Mapping[Outcome, int] = field(default_factory=dict)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The questions, to be trained on as labelled ones are."""
        return tuple(label.example for label in self.labels)

    @property
    def sentence(self) -> str:
        """The counts in words."""
        return sentence(len(self.labels), self.left_out)

    def counts(self) -> dict[str, Any]:
        """The counts as plain JSON."""
        left_out = {kind.value: self.left_out[kind] for kind in Outcome if self.left_out.get(kind)}
        return {"labels": len(self.labels), "left_out": left_out, "sentence": self.sentence}

    def rows(self) -> list[dict[str, Any]]:
        """Each label as plain JSON."""
        rows = []
        for label in self.labels:
            own = label.example
            shown = {"id": own.id, "image": own.media[0].path.as_posix(), "question": own.question}
            target = own.target.encode() if own.target is not None else None
            rows.append({**shown, "target": target, "agreement": label.agreement})
        return rows


NO_PSEUDO = PseudoLabels()
"""Of a run that was not asked for any."""


class Agreement(NamedTuple):
    """What the answers to one question come to: a label or why there is none, and how far they agree."""

    found: Value | Outcome
    agreement: float
    """Mean similarity of two readable answers, in [0, 1]."""


def label_of(prediction: Prediction, options: PseudoOptions, classes: Sequence[str] = ()) -> Agreement:
    """Fuse the answers to one question, where enough of them can be read and say the same.

    A target that the question has already plays no part.
    """
    task = task_of(prediction.example)
    candidates = [Candidate.of(rollout) for rollout in prediction.rollouts]
    readable = [one for one in candidates if _is_readable(one, task)]
    agreement = mean_pair_agreement([one.value for one in readable], task.similarity)
    # What a gate has closed repeats one answer.
    if answers_of(prediction) < 2:
        return Agreement(Outcome.LONE, agreement)
    if len(readable) < max(2, len(candidates) / 2):
        return Agreement(Outcome.UNREADABLE, agreement)
    if agreement < options.min_agreement:
        return Agreement(Outcome.DISAGREE, agreement)
    try:
        fused = task.fuse(readable, options.rule)
    except InputError as error:
        raise ConfigError(
            f"pseudo_labels.rule: '{options.rule or next(iter(task.rules))}' cannot be used here: {error}"
        ) from error
    found = task.pseudo_label(fused, prediction.example, options.min_confidence, classes)
    if isinstance(found, str):
        return Agreement(Outcome(found), agreement)
    unwanted = found.is_empty and not options.abstentions
    return Agreement(Outcome.ABSTAIN if unwanted else found, agreement)


def pseudo_labels(
    options: PseudoOptions,
    tasks: Collection[str],
    labelled: Sequence[Example],
    held_out: Mapping[str, Path],
    *,
    form: Form | None = None,
    seed: int = 0,
    near_duplicates: bool = True,
    cache: Path | None = None,
    reporter: ProgressReporter | None = None,
) -> PseudoLabels:
    """Make labelled questions of predictions to questions without labels.

    Args:
        options: which files, by which rule, and what is kept.
        tasks: names of the run's; the predictions must be to questions of these.
        labelled: the run's training questions; no question about the same image gets a second label.
        held_out: images for validation and for the test, by record id; neither they, nor what looks nearly
            the same, nor what has one of these ids, is ever used.
        form: in which training asks them; None takes the form in which they were asked.
        seed: chooses among equally agreed questions where the share does not take all.
        near_duplicates: whether images that look nearly the same count as one.
        cache: a file that keeps fingerprints of images for the next time.

    Returns:
        At least one label, in the order of the files; no id among them is the start or the whole of a
        labelled one.

    Raises:
        RunError: a file is not a predictions file.
        InputError: it is of another task, the rule does not suit the answers, or nothing is left.
        LabelError: an image cannot be read or has changed its size, or a box is outside its image.
    """
    read = [(number, one) for number, path in enumerate(options.predictions) for one in _read(path, tasks)]
    asked = [prediction.example for _, prediction in read]
    images = Images(asked, labelled, held_out, near_duplicates, cache, reporter)
    classes = sorted({e.group for e in labelled if e.group})
    prefix = _free_prefix(labelled, held_out)
    left_out: Counter[Outcome] = Counter()
    labels: list[PseudoLabel] = []
    mistakes: list[LabelError] = []
    for number, prediction in read:
        example = prediction.example
        refused = images.refused(example)
        if refused is not None:
            left_out[refused] += 1
            continue
        try:
            one = label_of(prediction, options, classes)
        except LabelError as mistake:
            mistakes.append(mistake)
            continue
        if isinstance(one.found, Outcome):
            left_out[one.found] += 1
            continue
        own = replace(
            example,
            id=f"{prefix}:{number}:{example.id}",
            record_id=f"{prefix}:{number}:{example.record_id}",
            target=one.found,
            form=form or example.form,
        )
        labels.append(PseudoLabel(own, one.agreement))
    raise_all(mistakes)
    kept = _most_agreed(labels, options.share, len(labelled), seed)
    left_out[Outcome.BEYOND_SHARE] += len(labels) - len(kept)
    made = PseudoLabels(tuple(kept), +left_out)
    if not kept:
        raise InputError(
            f"pseudo_labels: {made.sentence} No pseudo-label is left: give prediction files with "
            "several answers to each question, lower the limits (min_agreement, min_confidence, abstentions, "
            "share), or set pseudo_labels: null."
        )
    return made


def _is_readable(candidate: Candidate, task: Task) -> bool:
    """It says that nothing is there, or something of a kind that the task can compare: points are not."""
    value = candidate.answer.value
    return value is not None and (value.is_empty or task.similarity(value, value) > 0)


def _read(path: str, tasks: Collection[str]) -> list[Prediction]:
    predictions = read_predictions(Path(path))
    other = next((one.example for one in predictions if one.example.task not in tasks), None)
    if other is not None:
        wanted = ", ".join(tasks)
        raise InputError(
            f"{path}: '{other.id}' is a question of {other.task}, and this run trains {wanted}. Give "
            f"predictions to questions of {wanted} in pseudo_labels.predictions."
        )
    return predictions


def _free_prefix(labelled: Sequence[Example], held_out: Mapping[str, Path]) -> str:
    """A word that no id of the run's own begins with."""
    names = [*held_out, *(name for e in labelled for name in (e.id, e.record_id))]
    prefix = PREFIX
    while any(name.startswith(prefix) for name in names):
        prefix += "+"
    return prefix


def _most_agreed(
    labels: Sequence[PseudoLabel], share: float | None, labelled: int, seed: int
) -> list[PseudoLabel]:
    """As many as the share allows, those with the most agreement, in the given order."""
    most = len(labels) if share is None else min(len(labels), math.floor(share * labelled + ROUNDING))
    mixed = np.random.default_rng([seed, len(labels)]).permutation(len(labels)).tolist()
    first = sorted(mixed, key=lambda place: -labels[place].agreement)[:most]
    return [labels[place] for place in sorted(first)]


class Images:
    """The images that are held out, labelled or asked about, by what they show; each is read once.

    A LabelError has all images that were asked about and cannot be read, or have changed their size.
    """

    def __init__(
        self,
        asked: Iterable[Example],
        labelled: Sequence[Example],
        held_out: Mapping[str, Path],
        near_duplicates: bool,
        cache: Path | None,
        reporter: ProgressReporter | None,
    ) -> None:
        sizes = dict.fromkeys((_name(e.media[0].path), e.media[0].size_wh) for e in asked)
        wanted = {name for name, _ in sizes}
        known = {_name(path) for path in (*held_out.values(), *(e.media[0].path for e in labelled))}
        images = {name: Path(name) for name in sorted(known | wanted)}
        prints = fingerprints(images, cache, reporter)
        # An image that cannot be read is not a copy of one that can.
        unread = {name for name in known - wanted if isinstance(prints[name], LabelError)}
        read = read_prints(prints, [name for name in images if name not in unread])
        mistakes: list[LabelError] = []
        for name, image_wh in sizes:
            try:
                check_size(image_wh, read[name].seen_wh, name)
            except LabelError as mistake:
                mistakes.append(mistake)
        raise_all(mistakes)
        shown = {name: images[name] for name in read}
        self._same = near_images(shown, read) if near_duplicates else same_images(shown, read)
        self._content = {name: found.sha256 for name, found in read.items()}
        self._held_names = frozenset(held_out)
        self._held = {self._same[n] for n in map(_name, held_out.values()) if n in self._same}
        named = ((_name(e.media[0].path), e) for e in labelled)
        self._labelled = {(self._same[name], _asks(e)) for name, e in named if name in self._same}
        self._seen: set[tuple[str, tuple[str, str]]] = set()

    def refused(self, question: Example) -> Outcome | None:
        """Why a question may not get a pseudo-label; None where it may. The next time it is a repetition."""
        name = _name(question.media[0].path)
        if question.record_id in self._held_names or self._same[name] in self._held:
            return Outcome.HELD_OUT
        if (self._same[name], _asks(question)) in self._labelled:
            return Outcome.LABELLED
        key = (self._content[name], _asks(question))
        if key in self._seen:
            return Outcome.REPEATED
        self._seen.add(key)
        return None


def _asks(question: Example) -> tuple[str, str]:
    """The task, and what it asks about an image: of a whole image one thing, whatever it is called."""
    whole = {about for about, _ in task_of(question).needs} == {"image"}
    return question.task, "" if whole else question.question


def _name(path: Path) -> str:
    """One name for each file, however its path is written; links to it are found by their content."""
    return os.path.abspath(path)
