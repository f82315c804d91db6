"""From the answers to one question to its pseudo-label, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vrft.config.run_config import Pseudo
from vrft.data.label_checks import checked_box
from vrft.errors import ConfigError, InputError
from vrft.evaluation.fused import answers_of
from vrft.evaluation.judged import Judged
from vrft.tasks.classification.naming import named_class
from vrft.tasks.fusion import load_rule, usual
from vrft.tasks.fusion.agreement import mean_pair_agreement
from vrft.training.pseudo_labels.outcome import Outcome
from vrft.types import Answer, BoxesTarget, ClassTarget, Example, Target

Found = Target | Outcome
"""A pseudo-label, or why there is none."""


@dataclass(frozen=True)
class Agreed:
    """What the answers to one question come to."""

    found: Found
    agreement: float
    """Mean agreement of two readable answers, in [0, 1]."""


def agreed(judged: Judged, settings: Pseudo, classes: Sequence[str] = ()) -> Agreed:
    """Fuse the answers to one question, where enough of them can be read and say the same.

    An answer counts as readable where it was read and has a box, a class name or an abstention: points are no
    boxes. A target that the question has already plays no part.

    Args:
        judged: the question with all its answers, the plain one among them.
        settings: rule and thresholds.
        classes: names of the labelled classes; a fused name that is one of them is written as there. Where
            the question lists options they are taken instead, and the name must be one.

    Raises:
        ConfigError: the rule does not suit the task, or needs log-probabilities that are not known.
        LabelError: a fused box is not inside its picture.
    """
    said = judged.said
    readable = [one for one in said if one.answer.parsed and _says_something(one.answer)]
    agreement = mean_pair_agreement([one.answer for one in readable])
    # What a gate has closed repeats one answer.
    if answers_of(judged) < 2:
        return Agreed(Outcome.LONE, agreement)
    if len(readable) < max(2, len(said) / 2):
        return Agreed(Outcome.UNREADABLE, agreement)
    if agreement < settings.min_agreement:
        return Agreed(Outcome.DISAGREE, agreement)
    task = judged.example.task
    try:
        fused = load_rule(usual(task, settings.rule))([one.candidate for one in readable])
    except InputError as error:
        raise ConfigError(f"data.pseudo.rule: '{settings.rule}' cannot be used here: {error}") from error
    return Agreed(TARGETS[task](fused, judged.example, settings, classes), agreement)


def _says_something(answer: Answer) -> bool:
    return bool(answer.boxes_xyxy_px) or answer.label is not None or answer.abstained


def _detected(fused: Answer, example: Example, settings: Pseudo, classes: Sequence[str]) -> Found:
    if fused.abstained:
        return BoxesTarget(()) if settings.abstentions else Outcome.ABSTAIN
    found = _sure(fused, example, settings)
    return found if found.boxes_xyxy_px else Outcome.UNSURE


def _grounded(fused: Answer, example: Example, settings: Pseudo, classes: Sequence[str]) -> Found:
    if fused.abstained:
        return Outcome.ABSTAIN
    found = _sure(fused, example, settings)
    if not found.boxes_xyxy_px:
        return Outcome.UNSURE
    return found if len(found.boxes_xyxy_px) == 1 else Outcome.DISAGREE


def _named(fused: Answer, example: Example, settings: Pseudo, classes: Sequence[str]) -> Found:
    if fused.label is None:
        return Outcome.ABSTAIN
    names = example.options or tuple(classes)
    name = named_class(fused.label, names)
    if name is None and example.options:
        return Outcome.NO_OPTION
    return ClassTarget(name or fused.label, names)


def _sure(fused: Answer, example: Example, settings: Pseudo) -> BoxesTarget:
    """The boxes with the confidence that is asked for."""
    pairs = zip(fused.boxes_xyxy_px, fused.confidences, strict=True)
    kept = [box for box, confidence in pairs if confidence >= settings.min_confidence]
    return BoxesTarget(tuple(checked_box(box, example.image_wh, f"answer to '{example.id}'") for box in kept))


TARGETS: Mapping[str, Callable[[Answer, Example, Pseudo, Sequence[str]], Found]] = {
    "detection": _detected,
    "grounding": _grounded,
    "classification": _named,
}
"""By task: what becomes of a fused answer."""
