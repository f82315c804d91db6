"""The whole story: labelled pictures in, a trained policy, its SFT twin and a measured comparison out.

The folder of a fit:

    fit.json         what was done, and the chosen run of each system
    manifest.json    the split, by ids and hashes
    fingerprints.sqlite    what was found of each picture file; may be deleted
    check.json       what was found in the data; check/ shows labels as the model sees them
    probe.json       samples of the base policy before training
    base/            the base policy's held-out answers
    sft-1e-04/ ...   one run folder a trial
    comparison.json  base, SFT and RFT with intervals
    report.html

Several processes run the same story side by side: the first one makes what is made once, the others find it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vrft.config.run_config import RunConfig
from vrft.data.dataset import load_dataset
from vrft.data.splits.few_shot import Split, manifest
from vrft.diagnostics.probe.probe_summary import NO_SIGNAL, Probe, better_form, describe
from vrft.diagnostics.probe.sampled_groups import Draws, evenly_spaced
from vrft.distributed import ALONE, Share
from vrft.errors import RunError
from vrft.evaluation.compare import Comparison, compare, verdict_sentence
from vrft.evaluation.judged import Judged
from vrft.inference.ask_options import Asking
from vrft.inference.evaluate import evaluate
from vrft.miniature.location import MINIATURE
from vrft.models.policy import Policy
from vrft.progress import Narrator, Silence
from vrft.report.build_report import build_report
from vrft.run_folder import hardware, read_json, versions, write_json
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Task, load_task
from vrft.training.memory import device_memory_gib
from vrft.training.run_questions import ask_about, new_split, prints_of, saved_split
from vrft.training.train import check_processes, policy_of
from vrft.types import Example, Form
from vrft.workflows.cost import memory_needed, minutes_left, rehearse
from vrft.workflows.fit_check import examine
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.trials import Bench, Trial, choose, run_trials


@dataclass(frozen=True)
class Fitted:
    """What a fit ends in."""

    folder: Path
    comparison: Comparison | None
    """None where nothing was left to hold out."""
    verdict: str
    report: Path


def fit(
    settings: FitSettings,
    folder: Path,
    *,
    resume: bool = False,
    narrator: Narrator | None = None,
    share: Share = ALONE,
) -> Fitted | None:
    """Train RFT and its SFT twin on a labelled folder and compare them with the base policy.

    Args:
        settings: the data and every choice.
        folder: the fit's folder.
        resume: go on in a folder that holds a fit.
        narrator: where sentences and progress go.
        share: which process this is; all questions, in training and after it, are divided among them.

    Returns:
        What came of it; None in a process that only helped.

    Raises:
        InputError: the data or the model cannot be used.
        RunError: the folder holds a fit and ``resume`` is False.
        Interrupted: a signal ended a trial; the same call with ``resume`` goes on.
    """
    began = time.monotonic()
    story = _Story(settings, folder, narrator if narrator and share.is_first else Silence(), share)
    with share.first_goes_first():
        story.open(resume or not share.is_first)
    base = story.load_base()
    with share.first_goes_first():
        story.examine(base)
        form = story.choose_form(base)
    base_judged = story.judge_base(base, form)
    del base
    story.predict_cost(form)
    start = story.rft_start()
    chosen = story.train(form, start)
    return story.compare(chosen, base_judged, form, began)


class _Story:
    """The steps of one fit, each of which finds again what it has already done."""

    def __init__(self, settings: FitSettings, folder: Path, narrator: Narrator, share: Share) -> None:
        self.settings, self.folder, self.narrator, self.share = settings, folder, narrator, share
        self.task: Task = load_task(settings.task)
        self.dataset = load_dataset(settings.data, self.task.name)
        self.notes: list[str] = []
        self.trials: list[Trial] = []
        self.seconds_a_question = 0.0
        self.forecast: dict[str, float] | None = None

    # -- data --------------------------------------------------------------------------------------------

    def open(self, resume: bool) -> None:
        """Make or find the folder, and the split in it."""
        check_processes(self._trial_config("rft", Form.DIRECT), self.share)
        if (self.folder / "manifest.json").exists() and not resume:
            raise RunError(
                f"{self.folder} holds a fit already. Add --resume to go on, or name another --out."
            )
        s = self.settings
        examples = ask_about(self.task, self.dataset, s.subject, s.open_naming)
        saved = self.folder / "manifest.json"
        if saved.exists():
            self.split = saved_split(examples, saved)
        else:
            prints = prints_of(self.dataset, self.folder, self.narrator)
            self.split = new_split(
                self.task,
                self.dataset,
                examples,
                s.shots,
                s.seed,
                s.eval_max,
                near_duplicates=s.near_duplicates,
                prints=prints,
                val_max=s.val_max,
            )
            write_json(saved, manifest(self.split, prints))
        self.summary = _summary(
            self.dataset.format, len(self.dataset.records), self.dataset.categories, self.split
        )
        for line in (*self.summary, *self.dataset.warnings):
            self.narrator.say(line)
        for name, why in self.split.left_out.items():
            self.narrator.say(f"Left out: {name} ({why}).")
        if copies := self.split.duplicates:
            name, why = next(iter(copies.items()))
            self.narrator.say(
                f"Copies and near-duplicates, which no two parts of the split share: {len(copies)}, "
                f"such as {name} ({why})."
            )
        if not self.split.heldout:
            self.note("Nothing is left to hold out: the policies are trained, but nothing can be proved.")

    def note(self, text: str) -> None:
        """Keep a sentence for the report and say it."""
        self.notes.append(text)
        self.narrator.say(text)

    # -- base --------------------------------------------------------------------------------------------

    def load_base(self) -> Policy:
        """The base policy."""
        self.narrator.say(f"Loading {self.settings.model}.")
        return self._policy(self.settings.model)

    def _policy(self, source: str) -> Policy:
        """A policy that only answers, seeing pictures as the trials see them."""
        config = self._trial_config("rft", Form.DIRECT)
        model = config.model.model_copy(update={"path": source, "lora": None})
        return policy_of(config.model_copy(update={"model": model}), share=self.share)

    def examine(self, base: Policy) -> None:
        """What ``vrft check`` finds, once a fit: errors end it, warnings are said."""
        saved = self.folder / "check.json"
        if not saved.exists():
            config = self._trial_config("rft", self.settings.form or Form.THINK)
            write_json(saved, examine(self.dataset, self.task, config, base, saved.parent, self.narrator))

    def choose_form(self, base: Policy) -> Form:
        """Probe the base policy in both forms, unless the user chose one."""
        saved = self.folder / "probe.json"
        if not saved.exists():
            forms = [self.settings.form] if self.settings.form is not None else list(Form)
            probes: list[Probe] = []
            with self.narrator.stage("Probing the base policy", len(forms)) as advance:
                for form in forms:
                    found = self._probe(base, form)
                    probes.append(found)
                    advance(1, f"{form}: reward {found.reward:.2f}")
            write_json(saved, {"chosen": better_form(probes).form, "probes": [p.row() for p in probes]})
        found = read_json(saved)
        self.probe = next(p for p in found["probes"] if p["form"] == found["chosen"])
        self.narrator.say(
            f"Asking in the {found['chosen']} form: {self.probe['signal']:.0%} of groups carry signal, "
            f"{self.probe['formatted']:.0%} of sampled answers are in form."
        )
        return Form(found["chosen"])

    def _probe(self, base: Policy, form: Form) -> Probe:
        """A few groups as training would draw them."""
        config = self._trial_config("rft", form)
        draws = Draws(base, self.task, form, config.reward, config.rollout, self.settings.seed)
        size = config.rollout.group_size
        groups = draws.groups(evenly_spaced(self.split.train, draws.questions_at_once), size)
        weights = Scorer(self.task, config.reward, form).weights
        return describe(groups, form, size, weights, config.rollout.max_new_tokens)

    def judge_base(self, base: Policy, form: Form) -> list[Judged]:
        """The base policy's held-out answers."""
        facts = {
            "kind": "eval",
            "task": self.task.name,
            "seed": self.settings.seed,
            "model": self.settings.model,
        }
        facts |= {"hardware": hardware(), "device": str(base.device), "versions": versions()}
        if self.share.is_first:
            write_json(self.folder / "base" / "run.json", facts)
        began = time.monotonic()
        judged = self._judge(base, form, "base", "Base policy on held-out pictures")
        if not judged:
            evaluate(base, self.task, self.split.train[:8], self._asking(form))
        self.seconds_a_question = (time.monotonic() - began) / max(1, len(judged) or 8)
        return judged

    def _judge(self, policy: Policy, form: Form, run: str, title: str) -> list[Judged]:
        path = self.folder / run / "eval" / "heldout.jsonl"
        with self.narrator.stage(title, len(self.split.heldout)) as advance:
            return evaluate(
                policy,
                self.task,
                self.split.heldout,
                self._asking(form),
                path=path,
                share=self.share,
                progress=lambda done: advance(done, ""),
            )

    def _asking(self, form: Form) -> Asking:
        return Asking(form, self._trial_config("rft", Form.DIRECT).rollout.max_new_tokens)

    def _trial_config(self, kind: str, form: Form) -> RunConfig:
        manifest_path = self.folder / "manifest.json"
        return self.settings.trial(
            kind, 1e-5, self.folder / kind, form, manifest_path, self.settings.model, False
        )

    def predict_cost(self, form: Form) -> None:
        """Say what the rest will hold, and how long it will take, measured on rehearsed steps."""
        saved = self.folder / "forecast.json"
        if not self.share.agreed(saved.exists()):
            s = self.settings
            configs = {kind: self._trial_config(kind, form) for kind in ("sft", "rft")}
            learner = policy_of(configs["rft"], share=self.share)
            memory = memory_needed(learner, self.task, self.split.train, configs, self.share)
            there = device_memory_gib(learner.device)
            if there is not None and memory > there:
                self.note(
                    f"Training may hold {memory:.1f} GiB, and this device has {there:.1f}: "
                    "take a smaller model or, where --full was given, leave it out."
                )
            seconds = rehearse(learner, self.task, self.split.train, configs, self.share)
            del learner
            trials = {
                kind: (
                    len(rates),
                    configs[kind].optim.steps,
                    configs[kind].optim.steps // configs[kind].checks.validate_every + 1,
                )
                for kind, rates in (("sft", s.recipe.sft_rates), ("rft", s.recipe.rft_rates))
            }
            if s.control:
                trials["control"] = (1, configs["rft"].optim.steps, 0)
                seconds["control"] = seconds["rft"]
            minutes = minutes_left(
                seconds, self.seconds_a_question, trials, len(self.split.val), len(self.split.heldout)
            )
            if self.share.is_first:
                write_json(saved, {"minutes": minutes, "memory_gib": memory, "seconds_a_step": seconds})
            self.share.wait()
        self.forecast = read_json(saved)
        self.narrator.say(
            f"Forecast: at most {self.forecast['minutes']:.1f} minutes (fewer where a trial stops early), "
            f"and {self.forecast['memory_gib']:.1f} GiB for model and training."
        )

    # -- training ----------------------------------------------------------------------------------------

    def rft_start(self) -> str:
        """Where RFT starts: the base, or the SFT twin where the base's samples carry no signal."""
        if 1 - self.probe["signal"] <= NO_SIGNAL:
            return "base"
        self.note(
            f"Only {self.probe['signal']:.0%} of the probed groups carry signal: "
            "RFT starts from the SFT twin."
        )
        return "sft"

    def train(self, form: Form, start: str) -> dict[str, Trial]:
        """All trials, and the chosen one of each system."""
        s = self.settings
        bench = Bench(s, self.folder, form, self.split.train, self.split.val, self.narrator, self.share)
        sft = run_trials(bench, "sft", "sft", s.recipe.sft_rates, s.model)
        chosen = {"sft": choose(sft)}
        source = s.model if start == "base" else str(self.folder / chosen["sft"].folder / "model")
        rft = run_trials(bench, "rft", "rft", s.recipe.rft_rates, source)
        chosen["rft"] = choose(rft)
        self.trials = [*sft, *rft]
        if s.control:
            rate = chosen["rft"].learning_rate
            control = run_trials(bench, "control", "rft", [rate], source, permute=True)
            chosen["control"] = control[0]
            self.trials += control
        return chosen

    # -- comparison --------------------------------------------------------------------------------------

    def compare(
        self, chosen: dict[str, Trial], base: list[Judged], form: Form, began: float
    ) -> Fitted | None:
        """Score the chosen policies on the held-out part, compare, and write the report."""
        systems = {"base": base}
        comparison: Comparison | None = None
        if self.split.heldout:
            for name, trial in chosen.items():
                policy = self._policy(str(self.folder / trial.folder / "model"))
                title = f"{name.upper()} on held-out pictures"
                systems[name] = self._judge(policy, form, trial.folder, title)
        if not self.share.is_first:
            return None
        if self.split.heldout:
            self.narrator.say("Comparing, with 1,000 bootstrap draws of pictures.")
            comparison = compare(self.task, systems)
        verdict = (
            verdict_sentence(comparison) if comparison else "Nothing was held out, so nothing can be proved."
        )
        before = (
            read_json(self.folder / "fit.json")["seconds"] if (self.folder / "fit.json").exists() else 0.0
        )
        seconds = before + time.monotonic() - began
        report = self.folder / "report.html"
        write_json(self.folder / "fit.json", self._facts(chosen, form, seconds))
        if comparison is not None:
            tasks = {self.task.name: comparison}
            write_json(
                self.folder / "comparison.json", {"seconds": seconds, "report": str(report), "tasks": tasks}
            )
        build_report([self.folder], report)
        return Fitted(self.folder, comparison, verdict, report)

    def _facts(self, chosen: dict[str, Trial], form: Form, seconds: float) -> dict[str, Any]:
        s = self.settings
        return {
            "seconds": seconds,
            "command": " ".join(["vrft", *sys.argv[1:]]),
            "data": str(s.data),
            "task": self.task.name,
            "model": s.model,
            "shots": s.shots,
            "seed": s.seed,
            "form": form,
            "reward": s.reward,
            "summary": self.summary,
            "left_out": self.split.left_out,
            "notes": self.notes,
            "systems": {"base": "base", **{name: trial.folder for name, trial in chosen.items()}},
            "trials": [trial.row() for trial in self.trials],
            "forecast": self.forecast,
            "miniature": s.model == MINIATURE,
            "versions": versions(),
            "hardware": hardware(),
        }


def _summary(form: str, pictures: int, categories: Sequence[str], split: Split) -> list[str]:
    def positive(part: Sequence[Example]) -> str:
        return f"{len(part)} questions about {len({e.record_id for e in part})} pictures"

    shown = ", ".join(categories[:12]) + (", ..." if len(categories) > 12 else "")
    return [
        f"Found {pictures} pictures ({form})"
        + (f" with {len(categories)} classes: {shown}." if categories else "."),
        f"Training on {split.shots} a class: {positive(split.train)}.",
        f"Choosing on {positive(split.val)}; held out: {positive(split.heldout)}.",
    ]
