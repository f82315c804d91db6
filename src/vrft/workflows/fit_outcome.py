"""What a fit ends in: the comparison of its systems, the verdict and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vrft.data.dataset import Dataset
from vrft.data.splits.few_shot import Split
from vrft.evaluation.compare import Comparison, comparisons, verdict_sentence
from vrft.progress import ProgressReporter
from vrft.report.build_report import build_report
from vrft.run_folder import write_json
from vrft.types import Example, Prediction
from vrft.workflows.fit_settings import WARM_UP, FitSettings
from vrft.workflows.rejection_sampling import count_answers
from vrft.workflows.trials import Trial, count_sampled

FROM_START = ("rft", "control")
"""Systems that begin where RFT does."""


@dataclass(frozen=True)
class Fitted:
    """What a fit ends in."""

    folder: Path
    comparisons: dict[str, Comparison]
    """By task; empty where nothing was left to hold out."""
    verdict: str
    report: Path
    model: Path
    """The run of the chosen RFT policy."""
    settings: FitSettings
    questions: tuple[str, ...]
    """What was asked about, in order."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """Whose weights each system has."""
    mixed: Path | None = None
    """The run of the policy that was trained on several folders, this one among them."""

    @property
    def comparison(self) -> Comparison | None:
        """That of the first task; None where there is none."""
        return next(iter(self.comparisons.values()), None)


def weights_by_system(chosen: Mapping[str, Trial], start: str) -> dict[str, str]:
    """Whose weights each system has: its own, or, where no step was better than the first, those of the
    system that it began from.

    Args:
        chosen: the trial of each system.
        start: what RFT and its control began from; all others began from the base.
    """
    found = {"base": "base"}
    for name, trial in chosen.items():
        began = found.get(start, start) if name in FROM_START else "base"
        found[name] = began if trial.best_step == 0 else name
    return found


def conclude(
    folder: Path,
    systems: Mapping[str, Sequence[Prediction]],
    weights: Mapping[str, str],
    seconds: float,
    reporter: ProgressReporter,
) -> tuple[dict[str, Comparison], str, Path]:
    """Compare the held-out answers, and write the page.

    Args:
        folder: of the fit, whose ``fit.json`` is there.
        systems: their answers by name; those of the base alone, or none, where nothing was held out.
        weights: whose weights each has.
        seconds: that the fit took.
        reporter: where sentences go.

    Returns:
        The comparison of each task, the verdict in words, and the page.
    """
    report, found = folder / "report.html", {}
    verdict = "Nothing was held out, so nothing can be proved."
    if systems["base"]:
        reporter.info("Comparing, with 1,000 bootstrap draws of images.")
        found = comparisons(systems, weights=weights)
        verdict = " ".join(map(verdict_sentence, found.values()))
        row = {"seconds": seconds, "report": str(report), "tasks": found}
        write_json(folder / "comparison.json", row)
    lost: list[str] = []
    build_report([folder], report, lost=lost)
    for sentence in lost:
        reporter.info(sentence)
    return found, verdict, report


def answers_sampled(folder: Path, chosen: Mapping[str, Trial], keep: int) -> dict[str, Any]:
    """What each system drew, where there is more to compare than RFT and what samples nothing."""
    rft = folder / chosen["rft"].folder
    found: dict[str, Any] = {}
    if WARM_UP in chosen:
        found = {WARM_UP: count_sampled(folder / chosen[WARM_UP].folder), "rft": count_sampled(rft)}
    return found | (count_answers(folder, rft, keep) if "rejection" in chosen else {})


def summary_of(dataset: Dataset, split: Split) -> list[str]:
    """How many images there are, and how they are split, in words."""

    def counted(part: Sequence[Example]) -> str:
        images = len({e.record_id for e in part})
        return f"{len(part)} questions about {images} image{'s' if images != 1 else ''}"

    names = dataset.categories
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    classes = f" with {len(names)} classes: {shown}." if names else "."
    return [
        f"Found {len(dataset.records)} images ({dataset.format}){classes}",
        f"Training on {split.shots} {'per class' if names else 'in all'}: {counted(split.train)}.",
        f"Choosing on {counted(split.val)}; held out: {counted(split.heldout)}.",
    ]


def notes_on_split(split: Split) -> list[str]:
    """Which classes are left out, and what is said of copies, in words."""
    notes = [f"Left out: {name} ({why})." for name, why in split.left_out.items()]
    if split.duplicates:
        name, why = next(iter(split.duplicates.items()))
        notes.append(
            f"Copies and near-duplicates: {len(split.duplicates)}, such as {name} ({why}). All copies of an "
            "image are in one part of the split."
        )
    return notes
