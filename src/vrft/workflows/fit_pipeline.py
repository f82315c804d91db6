"""The steps of one fit: each finds again what it has already done."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vrft.config.questions import ask_about, compute_fingerprints, split_of, usable
from vrft.config.run_config import RunConfig
from vrft.data.dataset import Dataset, labels_for
from vrft.data.splits.manifest import manifest
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.run_check import SAID_BY_SPLIT
from vrft.diagnostics.probe.advice import sentences_of
from vrft.diagnostics.probe.probe_summary import Probe
from vrft.diagnostics.probe.run_probe import AT_ONCE, Prober, evenly_spaced
from vrft.distributed import DistributedContext
from vrft.errors import RunError
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.inference.score_choice import kept_choice
from vrft.miniature.location import is_miniature
from vrft.models.image_limits import image_limits
from vrft.models.model_source import weights_of
from vrft.models.policy import Policy
from vrft.progress import ProgressReporter, counted
from vrft.report.systems import system_name
from vrft.report.thought_watch import lost_thoughts_of
from vrft.run_folder import (
    CHECK,
    MANIFEST,
    hardware,
    place_of_data,
    read_json,
    versions,
    write_json,
)
from vrft.tasks.metrics.box_confidences import ScoreName
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import scorers_of
from vrft.training.reward_watch import refuse_failing
from vrft.types import Example, Form, Prediction
from vrft.workflows.arms import SYSTEMS, start_of_rft, train_systems
from vrft.workflows.check_data import examine_first
from vrft.workflows.configured import policy_of
from vrft.workflows.cost import Answering, Trials, kept_forecast, time_in_words
from vrft.workflows.fit_outcome import (
    Fitted,
    answers_sampled,
    conclude,
    notes_on_split,
    summary_of,
    weights_by_system,
)
from vrft.workflows.fit_settings import WARM_UP, FitSettings, keep_settings, with_score
from vrft.workflows.form_choice import kept_form, weak_signal
from vrft.workflows.miniature_limits import limits_on
from vrft.workflows.resume import unchanged_split
from vrft.workflows.train import check_processes
from vrft.workflows.trials import BASE, PROBE, SweepContext, Trial, in_form, score_rises


class FitPipeline:
    """The steps of one fit, each of which finds again what it has already done.

    Args:
        settings: the data and every choice.
        folder: of the fit.
        reporter: where sentences and progress go.
        context: which process this is.
        dataset: the labels, where they were read already.
    """

    def __init__(
        self,
        settings: FitSettings,
        folder: Path,
        reporter: ProgressReporter,
        context: DistributedContext,
        dataset: Dataset | None = None,
    ) -> None:
        self.settings, self.folder, self.reporter, self.context = settings, folder, reporter, context
        self.task = load_task(settings.task, settings.task_options)
        self.dataset = dataset or labels_for(self.task, settings.data, settings.reading)
        self.form = Form.THINK
        self.notes: list[str] = []
        self.trials: list[Trial] = []
        self.weights: dict[str, str] = {}
        self.seconds_per_question = 0.0
        self.forecast: dict[str, Any] = {}

    def prepare(self, resume: bool, check: bool) -> None:
        """What needs no model: the folder, the split and, if wanted, a check of the data."""
        with self.context.first_goes_first():
            self.open(resume or not self.context.is_first)
            if check:
                self.examine()

    def run(self, began: float) -> Fitted | None:
        """All that follows; None in a process that only helped.

        Args:
            began: when the fit did, on the monotonic clock.
        """
        base = self.load_base()
        with self.context.first_goes_first():
            self.choose_form(base)
        self.choose_score(base)
        answered = self.evaluate_base(base)
        del base
        self.estimate_cost()
        return self.compare(self.train(self.rft_start()), answered, began)

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.reporter.info(text)

    def open(self, resume: bool) -> None:
        config, saved = self._config("rft"), self.folder / MANIFEST
        check_processes(config, self.context)
        if saved.exists() and not resume:
            raise RunError(
                f"{self.folder} holds a fit already. Add --resume to go on, or name another --out."
            )
        if (self.folder / "run.json").exists():
            raise RunError(f"{self.folder} holds a single run. Name another --out.")
        keep_settings(
            self.settings, self.folder, writes=self.context.is_first, weights=weights_of(self.settings.model)
        )
        refusal = image_limits(config.model).refusal
        self.dataset, found = usable(self.dataset, self.settings.strict, self.folder, self.reporter, refusal)
        examples = ask_about(self.task, self.dataset)
        if saved.exists():
            self.split = unchanged_split(self.folder, examples)
        else:
            fresh = config.data.model_copy(update={"manifest": None})
            self.split = split_of(fresh, self.dataset, examples, config.seed, found)
            write_json(saved, manifest(self.split, found))
        self.summary = summary_of(self.dataset, self.split)
        for line in (*self.summary, *self.dataset.warnings, *notes_on_split(self.split)):
            self.reporter.info(line)
        if not self.split.heldout:
            self.note(
                "No image is left to hold out: policies are trained, but no improvement can be measured."
            )

    def load_base(self) -> Policy:
        if limits := limits_on(self.settings.model, self.dataset):
            self.note(limits)
        self.reporter.info(f"Loading {self.settings.model}.")
        return self._policy(self.settings.model)

    def examine(self) -> None:
        """What ``vrft check`` finds, once for each fit: errors end it, warnings are reported."""
        if not (self.folder / f"{CHECK}.json").exists():
            self.form = self.settings.form or Form.THINK
            prints = compute_fingerprints(self.dataset, self.folder, self.reporter)
            case = DataCase(self.dataset, self.task, self._config("rft"), prints, self.split)
            examine_first(case, self.folder, self.reporter, SAID_BY_SPLIT)

    def choose_form(self, base: Policy) -> None:
        """Probe the base policy in both forms, unless the user chose one, and go on in the better one."""

        def probe_in(form: Form) -> Probe:
            self.form = form
            return self._probe(base)

        forms = [self.settings.form] if self.settings.form is not None else list(Form)
        self.probe = kept_form(self.folder / PROBE, forms, probe_in, self.reporter, model=self.settings.model)
        self.form = Form(self.probe["form"])
        first, *sides = sentences_of(self.probe)
        self.reporter.info(first)
        for side in sides:
            self.note(side)

    def _probe(self, base: Policy) -> Probe:
        config, asked = self._config("rft"), evenly_spaced(self._asked(self.split.train), AT_ONCE)
        prober = Prober(base, config, scorers_of(asked, config.rewards))
        return prober.probe(refuse_failing(prober.groups(asked, config.rollout.group_size), self.folder))

    def choose_score(self, base: Policy) -> None:
        """Rank all systems' boxes by what ranks the base's best on validation, unless the user chose."""
        config = self._config("rft")
        if config.evaluation.score == "auto" and len(self.task.confidence_sources) > 1 and self.split.val:
            predictor, asked = self._predictor(base, "auto"), self._asked(self.split.val)
            choice = kept_choice(self.folder / "score.json", predictor, asked, self.context)
            self.note(choice.sentence)
            self.settings = with_score(self.settings, choice.chosen)

    def evaluate_base(self, base: Policy) -> list[Prediction]:
        facts = {
            "method": "eval",
            "task": self.task.name,
            "seed": self.settings.seed,
            "model": self.settings.model,
            "hardware": hardware(),
            "device": str(base.device),
            "versions": versions(),
        }
        if self.context.is_first:
            write_json(self.folder / "base" / "run.json", facts)
        began = time.monotonic()
        found = self._evaluate(base, BASE, "Base policy on held-out images")
        if not found:
            evaluate(self._predictor(base), self._asked(self.split.train[:8]))
        self.seconds_per_question = (time.monotonic() - began) / max(1, len(found) or 8)
        return found

    def estimate_cost(self) -> None:
        """Say what the rest will hold, and how long it will take, measured on a few steps."""
        s = self.settings
        systems = {
            name: Trials(
                arm.count(s), self._config(arm.method, arm.shuffle_rewards, arm.steps(s)), arm.samples_first
            )
            for name, arm in ((name, SYSTEMS[name]) for name in s.systems)
        }
        self.forecast = kept_forecast(
            self.folder,
            self._asked(self.split.train),
            systems,
            Answering(self.seconds_per_question, len(self.split.val), len(self.split.heldout)),
            self.note,
            self.context,
        )
        self.reporter.info(
            f"Forecast: {time_in_words(self.forecast['minutes'])}, and {self.forecast['memory_gib']:.1f} GiB "
            "for model and training."
        )

    def rft_start(self) -> str:
        """Where RFT starts: the policy after the puzzles; without any the base, or the SFT twin where the
        base's samples carry no signal."""
        if self.settings.warm_up:
            return WARM_UP
        if (weak := weak_signal(self.probe)) is None:
            return BASE
        if "sft" in self.settings.arms:
            self.note(weak + "RFT starts from the SFT twin.")
            return "sft"
        self.note(
            weak
            + "RFT would start from the SFT twin. There is none (--arms), so it starts from the base, and "
            "may learn nothing."
        )
        return BASE

    def train(self, start: str) -> dict[str, Trial]:
        sweep = SweepContext(
            settings=self.settings,
            root=self.folder,
            form=self.form,
            train=self.split.train,
            val=self.split.val,
            data_root=self.dataset.root,
            reporter=self.reporter,
            note=self.note,
            context=self.context,
            start=start,
            held_out=self.split.heldout,
            higher_is_better=score_rises(self.split.val),
        )
        self.trials, chosen = train_systems(sweep)
        self.weights = weights_by_system(chosen, start_of_rft(sweep, self.trials, chosen))
        return chosen

    def compare(self, chosen: dict[str, Trial], base: list[Prediction], began: float) -> Fitted | None:
        """Score the chosen policies on the held-out part, compare, and write the report."""
        systems = {BASE: base}
        for name, trial in chosen.items() if self.split.heldout else ():
            systems[name] = base
            if trial.folder != BASE:
                policy = self._policy(str(self.folder / trial.folder / "model"))
                title = f"{system_name(name)} on held-out images"
                systems[name] = self._evaluate(policy, trial.folder, title, trial.form)
        if not self.context.is_first:
            return None
        if (warning := lost_thoughts_of(self.folder / chosen["rft"].folder)) is not None:
            self.note(warning)
        facts = self.folder / "fit.json"
        before = read_json(facts) if facts.exists() else {}
        seconds = before.get("seconds", 0.0) + time.monotonic() - began
        write_json(facts, self._facts(chosen, seconds, before))
        found, verdict, report = conclude(self.folder, systems, self.weights, seconds, self.reporter)
        asked = tuple(dict.fromkeys(example.question for example in self.split.train))
        model = self.folder / chosen["rft"].folder
        return Fitted(self.folder, found, verdict, report, model, self.settings, asked, self.weights)

    def _facts(self, chosen: dict[str, Trial], seconds: float, before: Mapping[str, Any]) -> dict[str, Any]:
        s = self.settings
        return {
            "seconds": seconds,
            "command": " ".join(["vrft", *sys.argv[1:]]),
            **place_of_data(s.data, self.dataset.root, self.folder, before),
            "task": self.task.name,
            "model": s.model,
            "shots": s.shots,
            "seed": s.seed,
            "form": self.form,
            "reward": s.reward,
            "summary": self.summary,
            "left_out": self.split.left_out,
            "notes": self.notes,
            "systems": {BASE: BASE, **{name: trial.folder for name, trial in chosen.items()}},
            "answers_sampled": answers_sampled(self.folder, chosen, s.rejection_keep),
            "trials": [asdict(trial) for trial in self.trials],
            "forecast": self.forecast,
            "miniature": is_miniature(s.model),
            "versions": versions(),
            "hardware": hardware(),
        }

    def _config(self, method: str, shuffle_rewards: bool = False, steps: int | None = None) -> RunConfig:
        """A trial's configuration, as far as all trials of a method share it."""
        return self.settings.trial(
            method,
            rate=1e-5,
            out=self.folder / method,
            form=self.form,
            manifest=self.folder / MANIFEST,
            shuffle_rewards=shuffle_rewards,
            steps=steps,
        )

    def _policy(self, source: str) -> Policy:
        """A policy that only answers, seeing images as the trials see them."""
        config = self._config("rft")
        model = config.model.model_copy(update={"path": source, "lora": None})
        return policy_of(config.model_copy(update={"model": model}), context=self.context)

    def _asked(self, examples: Sequence[Example]) -> list[Example]:
        return in_form(examples, self.form)

    def _predictor(self, policy: Policy, score: ScoreName | None = None) -> PolicyPredictor:
        config = self._config("rft")
        # A server that takes adapters takes no other weights, and whole models are asked here.
        urls = config.rollout.url if config.model.lora is None else ()
        return PolicyPredictor.of(policy, config.ask_options(score), urls, self.context)

    def _evaluate(self, policy: Policy, run: str, title: str, form: Form | None = None) -> list[Prediction]:
        with self.reporter.task(title, len(self.split.heldout)) as update:
            return evaluate(
                self._predictor(policy),
                in_form(self.split.heldout, form or self.form),
                path=self.folder / run / "eval" / "heldout.jsonl",
                context=self.context,
                progress=counted(update),
            )
