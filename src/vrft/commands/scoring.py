"""``vrft eval``: one policy on one labelled folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from vrft.commands.locate import form_for, model_source
from vrft.commands.voice import Voice
from vrft.data.base import load_dataset
from vrft.evaluation.evaluate import evaluate
from vrft.evaluation.metrics import METRICS, format_rate, parse_rate
from vrft.evaluation.statistics import bootstrap
from vrft.policies.load import load_policy
from vrft.questions import ask_about, check_sizes
from vrft.tasks.base import load_task
from vrft.types import Form


def score(
    model: str,
    data: Path,
    task_name: str,
    form: Form | None,
    subject: str,
    open_naming: bool,
    eval_max: int,
    output: Path | None,
) -> dict[str, Any]:
    """Ask a policy every question of a folder (at most ``eval_max``) and score the answers.

    Args:
        model: run folder, model folder, hub id, or 'miniature'.
        data: labelled pictures.
        task_name: task.
        form: form of the answer; None takes the run's own, or thinking.
        subject: kind of thing to classify.
        open_naming: leave the class names out of the prompt.
        eval_max: questions at most, evenly spaced over the folder.
        output: folder that keeps the answers; what it holds is not asked again.
    """
    task, asked = load_task(task_name), form_for(model, form)
    dataset = load_dataset(data, task.name)
    examples = ask_about(task, dataset, subject, open_naming)
    if len(examples) > eval_max:
        stride = len(examples) / eval_max
        examples = [examples[int(i * stride)] for i in range(eval_max)]
    check_sizes(examples)
    policy = load_policy(model_source(model))
    path = output / "answers.jsonl" if output is not None else None
    with Voice().stage("Asking", len(examples)) as advance:
        judged = evaluate(policy, task, examples, asked, path=path, progress=lambda done: advance(done, ""))
    interval = bootstrap(judged, METRICS[task.metric])
    return {
        "metric": task.metric,
        "n": len(judged),
        **asdict(interval),
        "parse_rate": parse_rate(judged),
        "format_rate": format_rate(judged),
    }
