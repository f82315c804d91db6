"""Several answer files as one result: the seeds of one recipe, and a second system beside them."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.scorecard.scored import Json, plain_json
from vrft.evaluation.seeds import Runs, permutation_p, seed_interval, seeds_bootstrap, seeds_difference
from vrft.evaluation.statistics import RESAMPLES
from vrft.tasks.metrics.metric import METRICS, Metric
from vrft.tasks.task import Task

PERMUTATIONS = 1000
"""Default number; average precision is too slow for the tens of thousands that a mean allows."""


def combine(
    task: Task,
    runs: Sequence[Sequence[Judged]],
    against: Sequence[Sequence[Judged]] | None = None,
    *,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Json:
    """Put the answers of several seeds together, and compare with another system.

    Args:
        task: its headline metric is measured.
        runs: the answers of one system after each of its trainings, to the same questions.
        against: the same of another system; None compares with nothing.
        resamples: bootstrap draws.
        permutations: swaps tried for ``permutation_p``.
        seed: of all draws.

    Returns:
        ``task``, ``metric``, ``n`` (questions), ``pictures``; ``seeds``, the value of each run; ``value``,
        ``low``, ``high``, their mean with the interval over seeds and pictures; ``over_seeds``, the same with
        Student's interval, pictures taken as given. With a second system, its ``against`` likewise, and
        ``difference`` with ``value``, ``low``, ``high``, ``p``, and ``permutation_p``: None where a system
        has several runs, since swapping pictures tells nothing of seeds.

    Raises:
        InputError: a system has no runs or no answers, or they answered different questions.

    Example:
        >>> from pathlib import Path
        >>> from vrft.tasks.task import load_task
        >>> from vrft.types import Answer, ClassTarget, Example
        >>> cat, picture = ClassTarget("cat"), Path("a.png")
        >>> asked = [Example(i, i, picture, (8, 8), "classification", "pet", cat) for i in "ab"]
        >>> runs = [[Judged(e, x, Answer(True, True, label=x), 2) for e in asked] for x in ("cat", "dog")]
        >>> found = combine(load_task("classification"), runs, resamples=50)
        >>> found["seeds"], found["value"]
        ([1.0, 0.0], 0.5)
    """
    metric = METRICS[task.metric]
    if not runs or not all(len(run) for run in (*runs, *(against or ()))):
        raise InputError("A system has no answers. Give at least one answers file that holds some.")
    pictures = {j.example.record_id for j in runs[0]}
    found: Json = {
        "task": task.name,
        "metric": metric.name,
        "n": len(runs[0]),
        "pictures": len(pictures),
        **_system(runs, metric, resamples, seed),
    }
    if against is not None:
        single = len(runs) == 1 and len(against) == 1
        p = permutation_p(runs[0], against[0], metric, permutations, seed) if single else None
        found["against"] = _system(against, metric, resamples, seed)
        found["difference"] = seeds_difference(runs, against, metric, resamples, seed)
        found["permutation_p"] = p
    whole: Json = plain_json(found)
    return whole


def _system(runs: Runs, metric: Metric, resamples: int, seed: int) -> Json:
    values = [metric.value(judged) for judged in runs]
    return {
        "seeds": values,
        **plain_json(seeds_bootstrap(runs, metric, resamples, seed)),
        "over_seeds": seed_interval(values),
    }
