"""Do pseudo-labels help? The miniature learns from a few labels, then from its own agreed answers besides.

    python benchmarks/distil.py --out benchmarks/results/distil.json

One seed of the demo's detection. An RFT run on the labelled shots is the start. It answers one question about
each of the unlabelled pictures many times; what its answers agree on becomes labels. Two runs go on from the
start, for equally many steps: one with the shots alone, one with the pseudo-labels besides. All three are
scored greedily on the same held-out questions. The drawn pictures' true labels tell how right the
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

from vrft.config.recipes import recipe_path
from vrft.config.run_config import Pseudo, RunConfig, load_config
from vrft.data.dataset import load_dataset
from vrft.evaluation.judged import Judged
from vrft.evaluation.statistics import bootstrap, paired_bootstrap
from vrft.inference.ask_options import Asking
from vrft.inference.evaluate import evaluate
from vrft.miniature.folders import write_detection
from vrft.models.load_policy import load_policy
from vrft.run_folder import RunFolder, hardware, versions, write_json
from vrft.tasks.fusion.agreement import agreement
from vrft.tasks.metrics.metric import METRICS
from vrft.training.pseudo_labels.pseudo_labels import PseudoLabels
from vrft.training.run_questions import Questions, ask_about, pseudo_of, questions_of
from vrft.training.train import train_run
from vrft.types import Answer, BoxesTarget, Example, Unlabelled

OTHER_PICTURES = 1000
"""Added to the seed: the unlabelled pictures are drawn anew."""


def answered(
    model: Path, questions: Questions, examples: Sequence[Example], asking: Asking, path: Path
) -> list[Judged]:
    """A model's answers, kept in a file."""
    return evaluate(load_policy(str(model)), questions.task, examples, asking, path=path)


def unlabelled(questions: Questions, folder: Path, seed: int, count: int) -> list[Example]:
    """One question about each of some new pictures, with its true label still on it."""
    write_detection(folder, seed + OTHER_PICTURES, train=count, val=0, heldout=0)
    asked = ask_about(questions.task, load_dataset(folder, "detection"))
    by_picture: dict[str, list[Example]] = {}
    for example in asked:
        by_picture.setdefault(example.record_id, []).append(example)
    rng = np.random.default_rng(seed)
    return [own[rng.integers(len(own))] for own in by_picture.values()]


def rightness(made: PseudoLabels, truth: Sequence[Example]) -> float:
    """Mean agreement of pseudo-labels with true labels, in [0, 1]."""
    true_boxes = {(e.image, e.question): e.target for e in truth}
    pairs = [(e.target, true_boxes[e.image, e.question]) for e in made.examples]
    return float(np.mean([agreement(as_answer(own), as_answer(true)) for own, true in pairs]))


def as_answer(target: Any) -> Answer:
    """A label as if somebody had written it."""
    assert isinstance(target, BoxesTarget)
    return Answer(True, True, target.boxes_xyxy_px, (1.0,) * len(target.boxes_xyxy_px))


def measure(asked: argparse.Namespace, work: Path) -> dict[str, Any]:
    """The whole story in one folder."""

    def configured(name: str, start: str, *more: str) -> RunConfig:
        paths = (f"data.path={work / 'data'}", f"out={work / name}", f"model.path={start}")
        sizes = (f"seed={asked.seed}", f"optim.steps={asked.steps}", f"data.eval_max={asked.heldout}")
        return load_config(recipe_path(Path("miniature_detection")), [*paths, *sizes, *more])

    def run(config: RunConfig) -> tuple[Path, PseudoLabels]:
        questions = questions_of(config)
        made = pseudo_of(config, questions)
        folder = RunFolder(Path(config.out))
        train_run(config, folder, questions.split.train, questions.split.val, pseudo=made)
        return folder.path / "model", made

    write_detection(work / "data", asked.seed, heldout=asked.heldout)
    first = configured("start", "miniature")
    questions = questions_of(first)
    start, _ = run(first)
    truth = unlabelled(questions, work / "unlabelled", asked.seed, asked.pictures)
    nameless = [replace(example, target=Unlabelled()) for example in truth]
    greedy = Asking(first.prompt.form, first.rollout.max_new_tokens, seed=asked.seed)
    answers = work / "answers.jsonl"
    answered(start, questions, nameless, replace(greedy, samples=asked.samples), answers)
    distilled = configured(
        "distilled",
        str(start),
        f"data.pseudo={{answers: [{answers}], abstentions: true, min_agreement: {asked.min_agreement}}}",
        f"kind={asked.kind}",
    )
    models = {"start": start, "labels_alone": run(configured("alone", str(start), f"kind={asked.kind}"))[0]}
    models["with_pseudo_labels"], made = run(distilled)
    scored = {
        name: answered(model, questions, questions.split.heldout, greedy, work / f"{name}.jsonl")
        for name, model in models.items()
    }
    metric = METRICS[questions.task.metric]
    last = scored["with_pseudo_labels"]
    return {
        "settings": vars(asked) | {"out": None},
        "pseudo": made.counts() | {"agreement_with_true_labels": rightness(made, truth)},
        "metric": metric.name,
        "questions": len(questions.split.heldout),
        "systems": {name: asdict(bootstrap(judged, metric)) for name, judged in scored.items()},
        "with_pseudo_labels_minus": {
            name: asdict(paired_bootstrap(last, scored[name], metric)) for name in ("start", "labels_alone")
        },
        "hardware": hardware(),
        "versions": versions(),
    }


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=("rft", "sft"), default="rft", help="of the two runs that go on")
    parser.add_argument("--pictures", type=int, default=200, help="unlabelled ones")
    parser.add_argument("--samples", type=int, default=16, help="answers to each question about them")
    parser.add_argument("--min-agreement", type=float, default=Pseudo.model_fields["min_agreement"].default)
    parser.add_argument("--steps", type=int, default=40, help="of each run")
    parser.add_argument("--heldout", type=int, default=480, help="held-out pictures and questions")
    parser.add_argument("--out", type=Path, help="a JSON of what was found")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked, Path(folder))
    if asked.out is not None:
        write_json(asked.out, found)
    print(f"{found['pseudo']['told']} They agree with the true labels by "
          f"{found['pseudo']['agreement_with_true_labels']:.2f}.")  # fmt: skip
    for name, value in found["systems"].items():
        print(f"{name:<20} {found['metric']} x100: {100 * value['value']:.1f}")


if __name__ == "__main__":
    main()
