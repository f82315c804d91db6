"""Every task through the whole pipeline, on six images: what a task forgets shows here (see README.md)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from six_images import write_folder

from custom_task import CUSTOM_SPEC, DEFINED_SPEC
from vrft.config.questions import Questions, questions_of
from vrft.config.run_config import RunConfig
from vrft.data.augment import AugmentOptions, augmented
from vrft.data.dataset import load_dataset
from vrft.data.images import open_image
from vrft.data.splits.manifest import manifest
from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.diagnostics.audit.audited_rule import setting_rule
from vrft.diagnostics.audit.run_audit import as_json, audit
from vrft.diagnostics.check.run_check import check
from vrft.diagnostics.probe.run_probe import probe_run
from vrft.evaluation.compare import compare
from vrft.evaluation.predictor import read_predictions, write_predictions
from vrft.evaluation.scorecard import CardOptions, scorecard
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import evaluate
from vrft.inference.formats.prediction_format import formats
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.integrations.packing import pack, unpack
from vrft.integrations.verl import compute_score
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.report.build_report import build_report
from vrft.rollout.driver import recorded
from vrft.run_folder import RunFolder
from vrft.tasks.registry import load_task, task_names
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.tasks.task import Task
from vrft.training.pseudo_labels import PseudoOptions, pseudo_labels
from vrft.types import Answer, Completion, Example, Form, Prediction, SamplingParams
from vrft.types.rows import group_from_row
from vrft.workflows.evaluate_model import evaluate_model
from vrft.workflows.predict_images import predict_images
from vrft.workflows.requests import EvaluateRequest, PredictRequest
from vrft.workflows.train import train_run

SPECS = os.environ.get("VRFT_TASKS", "").split() or [*task_names(), CUSTOM_SPEC, DEFINED_SPEC]
ALL = AugmentOptions(flip=0.5, crop=0.5, scale=0.5, color=0.5)
MODEL = ModelOptions(path="miniature", device="cpu")
LONGEST = 16


@pytest.fixture(scope="module")
def policy():
    return load_policy(MODEL)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: Path(spec).name)
def test_a_task_goes_through_the_whole_pipeline(spec, policy, tmp_path):
    task = load_task(spec)
    data = write_folder(tmp_path / "data", task.needs)
    config = RunConfig.model_validate(
        {
            "task": spec,
            "form": "direct",
            "out": str(tmp_path / "run"),
            "model": MODEL.model_dump(),
            "data": {"path": str(data), "shots": 1, "val_max": 2, "eval_max": 6},
            "rollout": {"group_size": 2, "max_new_tokens": LONGEST},
            "reward": {"setting": "recommended"},
            "augment": ALL.model_dump(),
            "optim": {"steps": 2, "prompts_per_step": 2, "learning_rate": 1e-4},
            "checks": {"validate_every": 2},
        }
    )
    asked = split_and_examined(task, data, config)
    every = [*asked.split.train, *asked.split.val, *asked.split.heldout]
    shown_otherwise(task, every)
    run = trained(task, config, asked)
    probed(config, tmp_path / "probe")
    audited(task)
    gold = [Prediction(e, Answer(e.target, True, text="gold")) for e in every]
    asked_anew = answered(policy, every, tmp_path)
    scored_and_compared(task, gold, asked_anew)
    evaluated(task, spec, run, data, tmp_path)
    predicted(task, spec, every, tmp_path)
    exported(task, every, gold)
    pseudo_labelled(task, every, data, tmp_path)
    page = build_report([run.path, tmp_path / "evaluation"], tmp_path / "report.html").read_text("utf-8")
    assert task.name in page and task.metrics[0].title in page and "Traceback" not in page


def split_and_examined(task: Task, data: Path, config: RunConfig) -> Questions:
    """The labels are read, asked about and split; the doctor finds nothing wrong with them."""
    dataset = load_dataset(data, task.needs)
    assert len(dataset.records) == 6 and task.needs <= dataset.provides
    asked = questions_of(config)
    split = asked.split
    assert split.train and split.val and split.heldout
    parts = [{e.record_id for e in part} for part in (split.train, split.val, split.heldout)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2]), "no image is in two parts"
    assert all(e.form is Form.DIRECT and e.target is not None and e.group for e in split.train)
    assert json.dumps(manifest(split))
    found = check(data, task, lambda task: config, None)
    assert found.task == task.name and found.format and found.images == 6
    assert not [f for f in found.findings if f.severity == "error" and f.check != "too-few"], found.findings
    return asked


def shown_otherwise(task: Task, examples: Sequence[Example]) -> None:
    """However an image is changed, the label is still right of what is shown, and gold is rewarded in
    full."""
    scorer = Scorer(task, RewardOptions(setting="recommended"))
    changed = 0
    for example in examples:
        for seed in range(12):
            other = augmented(example, ALL, seed)
            changed += other.media != example.media
            image = other.media[0]
            assert other.target == example.target and other.target.survives_view(
                image.window_px, image.mirrored
            )
            assert all(open_image(one).size == one.shown_wh for one in other.media)
            frames = [one.frame("norm1", one.shown_wh) for one in other.media]
            rollout = scorer.score_text(task.gold(other, frames), other, frames)
            assert task.success(rollout.answer, other.target) and not rollout.failures, other
            exact = {name: v for name, v in rollout.terms.items() if v is not None and v > 0.8}
            assert exact.keys() == {n for n, v in rollout.terms.items() if v is not None}, rollout.terms
    alike = len({one.shown_wh for one in examples[0].media}) == 1
    assert changed > len(examples) or not alike, "images are changed at all"


def trained(task: Task, config: RunConfig, asked: Questions) -> RunFolder:
    """Two steps of reinforcement; every rollout of every group is logged whole."""
    folder = RunFolder(Path(config.out))
    done = train_run(config, folder, asked.split.train, asked.split.val)
    assert done.steps == 2 and done.validation is not None and math.isfinite(done.validation)
    groups = [group_from_row(row) for row in folder.rows("rollouts.jsonl")]
    assert [step for step, _ in groups] == [1, 1, 2, 2]
    for _, group in groups:
        assert group.example.task == task.name and len(group.rollouts) == 2
        for rollout in group.rollouts:
            assert set(rollout.terms) == set(task.settings["recommended"])
            assert not rollout.failures and rollout.answer.text == rollout.completion.text
            assert rollout.completion.token_ids and rollout.advantages
            assert rollout.reward == sum(v or 0.0 for v in rollout.terms.values())
    rows = folder.rows("metrics.jsonl")
    assert all(math.isfinite(row["loss"]) for row in rows if "loss" in row) and rows
    return folder


def probed(config: RunConfig, folder: Path) -> None:
    """The probe counts successes and rewards of samples."""
    probe_run(config, folder, samples=2, questions=2, temperatures=())
    found = json.loads((folder / "probe.json").read_text("utf-8"))
    assert config.task.load().success_rule in json.dumps(found)


def audited(task: Task) -> None:
    """The recommended rewards put gold above honest answers, and these above every attack."""
    plan = lay_out(task, form=Form.DIRECT, targets=60)
    found = audit(setting_rule(task, "recommended"), plan)
    means = {row.name: row.mean for row in found.rows}
    assert means["gold"] == pytest.approx(found.range[1]) and means["honest"] < means["gold"]
    assert not any(row.failures for row in found.rows), found.rows
    attacks = [row for row in found.rows if row.role == "attack"]
    assert attacks and all(row.mean < means["honest"] for row in attacks), attacks
    assert json.dumps(as_json(found))


def answered(policy, examples: Sequence[Example], folder: Path) -> list[Prediction]:
    """A policy is asked, with a mirrored view and samples, and what it says comes back from disk as it
    was."""
    options = AskOptions(SamplingParams(max_new_tokens=LONGEST), samples=3, flip=True, batch=4)
    path = folder / "answers.jsonl"
    predictions = evaluate(PolicyPredictor.of(policy, options), examples[:2], batch=4, path=path)
    assert [p.example for p in predictions] == list(examples[:2])
    assert {r.view for p in predictions for r in p.rollouts} == {"plain", "flip"}
    write_predictions(folder / "again.jsonl", predictions)
    reread = read_predictions(folder / "again.jsonl")
    assert [p.answer for p in reread] == [p.answer for p in predictions]
    return predictions


def scored_and_compared(task: Task, gold: Sequence[Prediction], asked: Sequence[Prediction]) -> None:
    """Gold is the best that there is by every metric, in its own unit and direction."""
    settings = CardOptions(resamples=100)
    best, worst = scorecard(gold, settings), scorecard(asked, settings)
    for card in (best, worst):
        assert card["task"] == task.name and card["metric"] == task.metrics[0].name
        assert (card["unit"], card["higher_is_better"]) == (
            task.metrics[0].unit,
            task.metrics[0].higher_is_better,
        )
        assert json.dumps(card)
    unread = [replace(one, answer=Answer()) for one in gold]
    for metric in task.metrics:
        top, bottom = metric.value(gold), metric.value(unread)
        if not math.isnan(top):
            assert metric.gain(top, bottom) > 0 and (metric.unit != "%" or 0 <= bottom < top <= 1 + 1e-9)
    found = compare({"base": unread, "rft": gold}, resamples=200)
    assert (found["title"], found["verdict"]) == (task.metrics[0].title, "better")


def evaluated(task: Task, spec: str, run: RunFolder, data: Path, folder: Path) -> None:
    """``vrft eval`` of the trained run, with its page and its gallery."""
    request = EvaluateRequest(part="all", eval_max=2, max_new_tokens=LONGEST)
    done = evaluate_model(str(run.path), data, request, folder=folder / "evaluation")
    assert done is not None and done.card["task"] == task.name and math.isfinite(done.card["value"])
    page = done.page.read_text("utf-8")
    assert (task.metrics[0].title in page and "<svg" in page) or "<img" in page


def predicted(task: Task, spec: str, examples: Sequence[Example], folder: Path) -> None:
    """``vrft predict`` about an image without labels: an answer, a drawing, and every format that holds
    it."""
    image = examples[0].media[0].path
    options = examples[0].options
    request = PredictRequest(
        model="miniature",
        image=str(image),
        questions=(examples[0].question,),
        task=spec,
        options=tuple(options),
        form=Form.DIRECT,
        max_new_tokens=LONGEST,
        out=folder / "predicted",
    )
    done = predict_images(request)
    (one,) = done.predictions
    assert one.example.task == task.name and one.example.target is None and not done.unreadable
    assert json.dumps(done.document)
    (shown,) = (folder / "predicted" / "drawn").rglob("*.png")
    assert PILImage.open(shown).size


def exported(task: Task, examples: Sequence[Example], gold: Sequence[Prediction]) -> None:
    """Predictions in every format that has a place for them; rewards for other trainers."""
    from vrft.inference.drawn_images import draw_predictions
    from vrft.inference.formats.prediction_format import Setting

    held = [f for f in formats().values() if f.kinds is None or task.answer.kind in f.kinds]
    assert "json" in {f.name for f in held}
    for one in held:
        written = json.dumps(one.opened(list(examples), Setting("me"))(list(gold)))
        assert len(written) > 20
    plain = open_image(gold[0].example.media[0])
    drawn = draw_predictions(gold[:1])
    assert np.asarray(drawn).shape != np.asarray(plain).shape or not np.array_equal(drawn, plain)
    for example in examples:
        frames = [medium.frame("norm1", medium.size_wh) for medium in example.media]
        packed = pack(example, frames)
        unpacked, _ = unpack(packed)
        assert unpacked.target == example.target
        scores = compute_score("vrft", task.gold(example, frames), packed)
        scorer = Scorer(task, RewardOptions(setting="recommended"))
        assert scores["score"] == pytest.approx(sum(t.high for t in scorer.terms.values()), rel=0.02)
        assert recorded(example, frames, Completion(task.gold(example, frames))).answer.parsed


def pseudo_labelled(task: Task, examples: Sequence[Example], data: Path, folder: Path) -> None:
    """Several answers that agree become a label of the same meaning."""
    frames = [medium.frame("norm1", medium.size_wh) for medium in examples[0].media]
    rollout = recorded(examples[0], frames, Completion(task.gold(examples[0], frames), logprobs=(-0.1,)))
    asked = replace(examples[0], target=None)
    prediction = Prediction(asked, rollout.answer, (replace(rollout, example=asked),) * 3)
    write_predictions(folder / "agreed.jsonl", [prediction])
    options = PseudoOptions(predictions=(str(folder / "agreed.jsonl"),), abstentions=True)
    made = pseudo_labels(options, {task.name}, [], {}, form=Form.DIRECT, seed=0)
    assert len(made.examples) == 1, made.sentence
    label = made.examples[0].target
    assert task.similarity(label, examples[0].target) > 0.8
