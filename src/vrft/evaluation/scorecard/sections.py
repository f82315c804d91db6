"""Which metrics and which sections a card has, by task. A new section is one file and one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vrft.evaluation.scorecard import compute_section as compute
from vrft.evaluation.scorecard.scored import Scored
from vrft.tasks.classification import naming_section as names
from vrft.tasks.detection import federated_section as federation
from vrft.tasks.detection import gate_section as gating
from vrft.tasks.detection import presence_section as presence
from vrft.tasks.detection import ranking_section as rankings
from vrft.tasks.detection import vocabulary_section as vocabulary
from vrft.tasks.metrics.metric import METRICS, Metric
from vrft.tasks.task import Task


@dataclass(frozen=True)
class Section:
    """One part of a card."""

    name: str
    """Its key."""
    applies: Callable[[Scored], bool]
    """Whether these answers can be measured so."""
    measure: Callable[[Scored], Any]
    """What stands under the key."""


def _always(scored: Scored) -> bool:
    return True


METRIC_NAMES: Mapping[str, tuple[str, ...]] = {
    "detection": ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    "classification": ("accuracy", "accuracy_lenient", "accuracy_class_mean"),
    "grounding": ("mean_iou", "acc50"),
}
SECTIONS: Mapping[str, tuple[Section, ...]] = {
    "detection": (
        Section("presence", _always, presence.measure),
        Section("gate", gating.applies, gating.measure),
        Section("rankings", _always, rankings.measure),
        Section("calibration", _always, rankings.measure_calibration),
        Section("open_vocabulary", vocabulary.applies, vocabulary.measure),
        Section("federated", federation.applies, federation.measure),
    ),
    "classification": (Section("naming", _always, names.measure),),
}
EVERY_TASK = (Section("compute", compute.applies, compute.measure),)


def metrics_of(task: Task) -> list[Metric]:
    """All metrics that are measured for a task, the headline first."""
    return [METRICS[name] for name in dict.fromkeys((task.metric, *METRIC_NAMES.get(task.name, ())))]


def sections_of(task: Task) -> tuple[Section, ...]:
    """All sections that a task's card may have, in their order."""
    return (*SECTIONS.get(task.name, ()), *EVERY_TASK)
