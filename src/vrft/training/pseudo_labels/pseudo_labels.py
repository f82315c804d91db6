"""Answers files to pseudo-labelled questions, ready to stand beside the labelled ones in training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from vrft.config.run_config import Pseudo
from vrft.data.label_checks import raise_all
from vrft.errors import InputError, LabelError
from vrft.evaluation.answers_file import read_judged, target_row
from vrft.evaluation.judged import Judged
from vrft.progress import Narrator
from vrft.training.pseudo_labels.agreed_targets import agreed
from vrft.training.pseudo_labels.held_out_images import Pictures
from vrft.training.pseudo_labels.outcome import Outcome, sentence
from vrft.types import ClassTarget, Example

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
    """What was distilled from answers files, and what was left out."""

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
        """The counts as plain JSON values."""
        left_out = {kind.value: self.left_out[kind] for kind in Outcome if self.left_out.get(kind)}
        return {"labels": len(self.labels), "left_out": left_out, "told": self.sentence}

    def rows(self) -> list[dict[str, Any]]:
        """Each label as plain JSON values."""
        return [
            {
                "id": label.example.id,
                "image": label.example.image.as_posix(),
                "question": label.example.question,
                "target": target_row(label.example.target),
                "agreement": label.agreement,
            }
            for label in self.labels
        ]


NO_PSEUDO = PseudoLabels()
"""What a run has that was not asked for any."""


def pseudo_labels(
    settings: Pseudo,
    task: str,
    labelled: Sequence[Example],
    held_out: Mapping[str, Path],
    *,
    seed: int = 0,
    near_duplicates: bool = True,
    cache: Path | None = None,
    narrator: Narrator | None = None,
) -> PseudoLabels:
    """Distil answers files into questions with labels.

    Args:
        settings: which files, by which rule, and what is kept.
        task: the run's; the answers must be to questions of this task.
        labelled: the run's training questions; no question about the same picture gets a second label.
        held_out: pictures for validation and for the test, by record id; neither they, nor what looks nearly
            the same, nor what has one of these ids, is ever used.
        seed: chooses among equally agreed questions where the share does not take all.
        near_duplicates: whether pictures that look nearly the same count as one.
        cache: a file that keeps fingerprints of pictures for the next time.
        narrator: where progress goes.

    Returns:
        At least one label, in the order of the files; no id among them is the start or the whole of a
        labelled one.

    Raises:
        RunError: a file is no answers file.
        InputError: it answers another task, the rule does not suit the answers, or nothing is left.
        LabelError: a picture cannot be read or has changed its size, or a box is outside its picture.
    """
    answered = [(number, one) for number, path in enumerate(settings.answers) for one in _read(path, task)]
    pictures = Pictures(
        (judged.example for _, judged in answered),
        labelled,
        held_out,
        near_duplicates=near_duplicates,
        cache=cache,
        narrator=narrator,
    )
    classes = sorted({e.target.name for e in labelled if isinstance(e.target, ClassTarget)})
    prefix = _free_prefix(labelled, held_out)
    left_out: Counter[Outcome] = Counter()
    labels: list[PseudoLabel] = []
    mistakes: list[LabelError] = []
    for number, judged in answered:
        refused = pictures.refused(judged.example)
        if refused is not None:
            left_out[refused] += 1
            continue
        try:
            one = agreed(judged, settings, classes)
        except LabelError as mistake:
            mistakes.append(mistake)
            continue
        if isinstance(one.found, Outcome):
            left_out[one.found] += 1
            continue
        example = judged.example
        start = f"{prefix}:{number}:"
        labels.append(
            PseudoLabel(
                replace(
                    example,
                    id=start + example.id,
                    record_id=start + example.record_id,
                    target=one.found,
                ),
                one.agreement,
            )
        )
    raise_all(mistakes)
    kept = _most_agreed(labels, settings.share, len(labelled), seed)
    left_out[Outcome.BEYOND_SHARE] += len(labels) - len(kept)
    made = PseudoLabels(tuple(kept), +left_out)
    if not kept:
        raise InputError(
            f"data.pseudo: {made.sentence} There is nothing to distil: give answers files with several "
            "answers to each question, demand less (min_agreement, min_confidence, abstentions, share), or "
            "set data.pseudo: null."
        )
    return made


def _read(path: str, task: str) -> Iterator[Judged]:
    for judged in read_judged(Path(path)):
        if judged.example.task != task:
            raise InputError(
                f"{path}: the answer '{judged.example.id}' is to a question of {judged.example.task}, and "
                f"this run trains {task}. Give answers to {task} in data.pseudo.answers."
            )
        yield judged


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
