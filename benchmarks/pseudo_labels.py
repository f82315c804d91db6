"""Do pseudo-labels help? The miniature learns from a few labels, then from its own answers as well.

    python benchmarks/pseudo_labels.py [--out FOLDER | --save]

One seed of the demo's detection. An RFT run on the labelled shots is the start. It answers one question about
each of the unlabelled images many times; what its answers agree on becomes labels. Two runs go on from the
start, for equally many steps: one with the shots alone, one with the pseudo-labels as well. All three are
scored greedily on the same held-out questions. The drawn images' true labels show how right the
pseudo-labels are; no run sees these.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from result_file import RESULTS, facts, result_parser, write_result

from vrft.config.questions import Questions, ask_about, pseudo_of, questions_of
from vrft.config.recipes import recipe_path
from vrft.config.run_config import RunConfig, load_config
from vrft.data.dataset import load_dataset
from vrft.evaluation.statistics import bootstrap, paired_bootstrap
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.miniature.folders import write_detection
from vrft.models.load_policy import load_policy
from vrft.run_folder import RunFolder
from vrft.tasks.task import Task
from vrft.training.pseudo_labels import PseudoLabels, PseudoOptions
from vrft.types import Example, Prediction
from vrft.workflows.train import train_run

OTHER_IMAGES = 1000
"""Added to the seed: the unlabelled images are drawn anew."""


def committed(method: str) -> Path:
    """The result of a method; RFT's has the plain name."""
    return RESULTS / ("pseudo_labels.json" if method == "rft" else f"pseudo_labels_{method}.json")


def answered(model: Path, examples: Sequence[Example], options: AskOptions, path: Path) -> list[Prediction]:
    """A model's answers, kept in a file."""
    return evaluate(PolicyPredictor.of(load_policy(model), options), examples, path=path)


def unlabelled(questions: Questions, folder: Path, seed: int, count: int) -> list[Example]:
    """One question about each of some new images, with its true label still on it."""
    write_detection(folder, seed + OTHER_IMAGES, train=count, val=0, heldout=0)
    task = questions.task
    asked = ask_about(task, load_dataset(folder, task.needs), questions.split.train[0].form)
    by_image: dict[str, list[Example]] = {}
    for example in asked:
        by_image.setdefault(example.record_id, []).append(example)
    rng = np.random.default_rng(seed)
    return [own[rng.integers(len(own))] for own in by_image.values()]


def rightness(task: Task, made: PseudoLabels, truth: Sequence[Example]) -> float:
    """Mean agreement of pseudo-labels with true labels, in [0, 1]."""
    true_boxes = {(e.image, e.question): e.target for e in truth}
    pairs = [(e.target, true_boxes[e.image, e.question]) for e in made.examples]
    return float(np.mean([task.similarity(own, true) for own, true in pairs]))


def measure(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """The whole comparison in one folder."""

    def configured(name: str, start: str, *more: str) -> RunConfig:
        paths = (f"data.path={work / 'data'}", f"out={work / name}", f"model.path={start}")
        sizes = (f"seed={options.seed}", f"optim.steps={options.steps}", f"data.eval_max={options.heldout}")
        return load_config(recipe_path(Path("miniature_detection")), [*paths, *sizes, *more])

    def run(config: RunConfig) -> tuple[Path, PseudoLabels]:
        questions = questions_of(config)
        made = pseudo_of(config, questions)
        folder = RunFolder(Path(config.out))
        train_run(config, folder, questions.split.train, questions.split.val, pseudo=made)
        return folder.path / "model", made

    write_detection(work / "data", options.seed, heldout=options.heldout)
    first = configured("start", "miniature")
    questions = questions_of(first)
    start, _ = run(first)
    truth = unlabelled(questions, work / "unlabelled", options.seed, options.images)
    nameless = [replace(example, target=None) for example in truth]
    greedy = AskOptions(first.rollout.params(), seed=options.seed)
    answers, least, method = work / "answers.jsonl", options.min_agreement, f"method={options.method}"
    answered(start, nameless, replace(greedy, samples=options.samples), answers)
    distilled = configured(
        "distilled",
        str(start),
        f"pseudo_labels={{predictions: [{answers}], abstentions: true, min_agreement: {least}}}",
        method,
    )
    alone, _ = run(configured("alone", str(start), method))
    models = {"start": start, "labels_alone": alone}
    models["with_pseudo_labels"], made = run(distilled)
    scored = {
        name: answered(model, questions.split.heldout, greedy, work / f"{name}.jsonl")
        for name, model in models.items()
    }
    metric = questions.task.metrics[0]
    last = scored["with_pseudo_labels"]
    return {
        "settings": {key: value for key, value in vars(options).items() if key not in ("out", "save")},
        "pseudo": made.counts() | {"agreement_with_true_labels": rightness(questions.task, made, truth)},
        "metric": metric.name,
        "questions": len(questions.split.heldout),
        "systems": {name: asdict(bootstrap(answers, metric)) for name, answers in scored.items()},
        "with_pseudo_labels_minus": {
            name: asdict(paired_bootstrap(last, scored[name], metric)) for name in ("start", "labels_alone")
        },
        **facts(),
    }


def main() -> None:
    """Measure and print."""
    parser = result_parser(__doc__, committed("rft"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", choices=("rft", "sft"), default="rft", help="of the two runs that go on")
    parser.add_argument("--images", type=int, default=200, help="unlabelled ones")
    parser.add_argument("--samples", type=int, default=16, help="answers to each question about them")
    parser.add_argument(
        "--min-agreement", type=float, default=PseudoOptions.model_fields["min_agreement"].default
    )
    parser.add_argument("--steps", type=int, default=40, help="of each run")
    parser.add_argument("--heldout", type=int, default=480, help="held-out images and questions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    write_result(options, committed(options.method), found)
    print(f"{found['pseudo']['sentence']} They agree with the true labels by "
          f"{found['pseudo']['agreement_with_true_labels']:.2f}.")  # fmt: skip
    for name, value in found["systems"].items():
        print(f"{name:<20} {found['metric']} x100: {100 * value['value']:.1f}")


if __name__ == "__main__":
    main()
