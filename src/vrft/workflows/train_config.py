"""One run from a configuration: its questions, what the doctor says of them, and the training."""

from __future__ import annotations

from pathlib import Path

from vrft.config.questions import Questions, compute_fingerprints, pseudo_of
from vrft.config.run_config import RunConfig
from vrft.config.run_questions import run_questions
from vrft.data.splits.manifest import SavedSplit
from vrft.diagnostics.check.check_case import DataCase
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.models.image_limits import image_limits
from vrft.models.load_policy import check_available
from vrft.progress import NullReporter, ProgressReporter
from vrft.run_folder import CHECK, MANIFEST, RunFolder, read_json, removed_if_refused
from vrft.training.loop import shown_by
from vrft.workflows.check_data import examine_first
from vrft.workflows.miniature_limits import check_model
from vrft.workflows.resume import check_unchanged
from vrft.workflows.train import Trained, train_run

NOT_SELECTED = (
    "data.select goes by the policy's own answers, and SFT samples none: it learns from all training "
    "questions."
)


def train_config(
    config: RunConfig,
    *,
    resume: bool = False,
    check: bool = True,
    reporter: ProgressReporter | None = None,
    context: DistributedContext = SINGLE_PROCESS,
) -> Trained:
    """Train one policy on the data that the configuration names; raises as ``train_run``.

    Errors that ``vrft check`` finds end it before it begins, unless ``check`` is False.
    """
    shown = reporter if reporter is not None and context.is_first else NullReporter()
    folder = RunFolder(Path(config.out), writes=context.is_first)
    with removed_if_refused(folder.path, "run.json", folder.writes):
        with context.first_goes_first():  # what it finds of the images is kept on disk
            folder.open(resume)
            if folder.began and folder.writes:
                check_unchanged(config, folder)
            kept = folder.path / MANIFEST
            questions = run_questions(
                config,
                shown,
                refusal=image_limits(config.model).refusal,
                saved=SavedSplit.read(read_json(kept)) if folder.began and kept.exists() else None,
            )
            for dataset in (own.dataset for own in questions.by_source.values()):
                for sentence in dataset.warnings:
                    shown.info(sentence)
                check_model(config.model, dataset, shown)
            for sentence in questions.notes:
                shown.info(sentence)
            if not config.samples and any(own.data.select for own in config.by_source.values()):
                shown.info(NOT_SELECTED)
            pseudo = pseudo_of(config, next(iter(questions.by_source.values())), shown)
            if check and context.is_first and not folder.began:
                for source, own in config.by_source.items():
                    _examine(own, questions.by_source[source], source, shown)
        with shown.task(config.method.upper(), config.optim.steps) as update:
            return train_run(
                config,
                folder,
                questions.split.train,
                questions.split.val,
                split=questions.manifest() if context.is_first else None,
                data_roots={source: own.dataset.root for source, own in questions.by_source.items()},
                pseudo=pseudo,
                resume=resume,
                progress=shown_by(update),
                context=context,
            )


def _examine(config: RunConfig, questions: Questions, source: str, reporter: ProgressReporter) -> None:
    if config.model.device != "auto":
        check_available(config.model.device, config.model.attention)
    folder = Path(config.out)
    if source:
        reporter.info(f"{source}, {config.data.path}:")
    prints = questions.prints or compute_fingerprints(questions.dataset, folder, reporter)
    case = DataCase(questions.dataset, questions.task, config, prints, questions.split)
    examine_first(case, folder / CHECK / source if source else folder, reporter)
