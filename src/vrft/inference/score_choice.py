"""Which confidences rank best: chosen on the validation part, the same for every system of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import nan
from pathlib import Path

from vrft.distributed import DistributedContext
from vrft.evaluation.predictor import Predictor
from vrft.evaluation.statistics import plain_json
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import with_score
from vrft.run_folder import read_json, write_json
from vrft.tasks.metrics.metric import better
from vrft.tasks.registry import task_of
from vrft.types import Example, Prediction


@dataclass(frozen=True)
class ScoreChoice:
    """The chosen confidences, and the task's headline metric under each."""

    chosen: str
    values: Mapping[str, float]
    title: str

    @property
    def sentence(self) -> str:
        """What a report says of it."""
        seen = ", ".join(f"{name} {100 * value:.1f}" for name, value in self.values.items())
        return (
            f"Every system's boxes are ranked by '{self.chosen}' (evaluation.score): of the base's answers "
            f"to the validation part no other has a higher {self.title} x100 ({seen})."
        )


def kept_choice(
    file: Path, predictor: Predictor, examples: Sequence[Example], context: DistributedContext
) -> ScoreChoice:
    """The choice that a file keeps, or else a new one, kept there, from answers to validation questions."""
    if not context.broadcast_object(file.exists()):
        found = choose_score(evaluate(predictor, examples, context=context))
        if context.is_first:
            write_json(file, plain_json(asdict(found)))
        context.wait_for_everyone()
    kept = read_json(file)
    values = {name: nan if value is None else value for name, value in kept["values"].items()}
    return ScoreChoice(kept["chosen"], values, kept["title"])


def choose_score(predictions: Sequence[Prediction]) -> ScoreChoice:
    """The confidences with the best headline metric; of equals the first, the written ones before all.

    Args:
        predictions: plain answers to questions, at least one, of one task that has confidences to choose
            from, with all that was kept of their tokens (``AskOptions.score`` 'auto').
    """
    task = task_of(predictions[0].example)
    metric = task.metrics[0]
    values = {
        name: metric.value([_scored(one, name) for one in predictions]) for name in task.confidence_sources
    }
    chosen = next(iter(values))
    for name, value in values.items():
        chosen = name if better(metric, value, values[chosen]) else chosen
    return ScoreChoice(chosen, values, metric.title)


def _scored(prediction: Prediction, name: str) -> Prediction:
    if not prediction.rollouts:
        return prediction
    plain = with_score(prediction.rollouts[0], name)
    return replace(prediction, answer=plain.answer, rollouts=(plain, *prediction.rollouts[1:]))
