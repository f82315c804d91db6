"""What the verbs end in, in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from vrft.evaluation.statistics import Interval
from vrft.types import Prediction

if TYPE_CHECKING:
    from vrft.workflows.evaluate_model import Evaluated
    from vrft.workflows.fit_outcome import Fitted
    from vrft.workflows.train import Trained


_DIFFERENCES = (
    "rft_minus_base",
    "rft_minus_sft",
    "rft_minus_rejection",
    "rejection_minus_base",
    "mixed_minus_base",
    "mixed_minus_rft",
)


@dataclass(frozen=True)
class FitResult:
    """What ``fit`` ends in.

    Args:
        folder: everything that was done.
        verdict: whether RFT is better than the base and than its SFT twin, in words.
        report: the page.
        model: the run of the chosen RFT policy; ``predict`` and ``evaluate`` take it.
        scores: of the held-out part, by system ('base' and the arms); empty where nothing was held out.
        differences: 'rft_minus_base', 'rft_minus_sft', 'rft_minus_rejection' and 'rejection_minus_base', as
            far as there are these arms, paired over the same images; of several folders also
            'mixed_minus_base' and 'mixed_minus_rft', where 'mixed' is the policy that learned all of them.
        parts: of several folders or tasks each one's own result by its name; then ``model`` is the run of the
            policy that learned all of them, and scores and differences are in the parts.
    """

    folder: Path
    verdict: str
    report: Path
    model: Path
    scores: Mapping[str, Interval]
    differences: Mapping[str, Interval]
    parts: Mapping[str, FitResult] = field(default_factory=dict)

    @classmethod
    def of_several(cls, folder: Path, done: Sequence[Fitted]) -> Self:
        """The result of a fit of several folders."""
        parts = {one.folder.name: FitResult.of(one) for one in done}
        verdict = " ".join(f"{name}: {one.verdict}" for name, one in parts.items())
        mixed = next(one.mixed for one in done if one.mixed is not None)
        return cls(folder, verdict, done[0].report, mixed, {}, {}, parts)

    @classmethod
    def of(cls, done: Fitted) -> Self:
        """The result of a finished fit."""
        compared: Mapping[str, Any] = done.comparison or {}
        scores, differences = (
            {name: _interval(compared[name]) for name in names if name in compared}
            for names in (("base", *done.settings.arms, "mixed"), _DIFFERENCES)
        )
        return cls(done.folder, done.verdict, done.report, done.model, scores, differences)


@dataclass(frozen=True)
class TrainResult:
    """What ``train`` ends in: the run's folder, the step whose weights were kept, its validation."""

    folder: Path
    best_step: int
    validation: float | None
    steps: int
    stopped: bool

    @classmethod
    def of(cls, done: Trained) -> Self:
        """The result of a run."""
        return cls(done.folder.path, done.best_step, done.validation, done.steps, done.stopped)

    @property
    def model(self) -> Path:
        """The trained policy, an ordinary Hugging Face folder."""
        return self.folder / "model"


@dataclass(frozen=True)
class EvaluationResult:
    """What ``evaluate`` ends in: the headline metric with its interval, every answer, and the page."""

    metric: str
    score: Interval
    n: int
    predictions: tuple[Prediction, ...]
    folder: Path
    report: Path

    @classmethod
    def of(cls, done: Evaluated) -> Self:
        """The result of a finished evaluation."""
        from vrft.evaluation.predictor import read_predictions
        from vrft.inference.provenance import PREDICTIONS

        card, answers = done.card, tuple(read_predictions(done.folder / PREDICTIONS))
        return cls(card["metric"], _interval(card), card["n"], answers, done.folder, done.page)


def _interval(block: Mapping[str, Any]) -> Interval:
    return Interval(block["value"], block["low"], block["high"])
