"""The whole story: labelled images in, a trained policy, its SFT twin and a measured comparison out.

The folder of a fit:

    fit.json         what was done, and the chosen run of each system
    settings.json    what it began with
    manifest.json    the split, by ids and hashes
    fingerprints.sqlite    what was found of each image file; may be deleted
    check.json       what was found in the data; check/ shows labels as the model sees them
    probe.json       samples of the base policy before training
    score.json       which confidences of boxes rank best on validation
    base/            the base policy's held-out answers
    sft-1e-04/ ...   one run folder for each trial
    rejection/       answers that rejection sampling drew, a file for each round
    comparison.json  base, SFT and RFT with intervals
    report.html

Several processes do the same steps side by side: the first one makes what is made once, the others find it.
"""

from __future__ import annotations

import time
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.progress import NullReporter, ProgressReporter
from vrft.run_folder import removed_if_refused
from vrft.workflows.fit_outcome import Fitted
from vrft.workflows.fit_pipeline import FitPipeline
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.trials import PROBE


def fit(
    settings: FitSettings,
    folder: Path,
    *,
    resume: bool = False,
    check: bool = True,
    dataset: Dataset | None = None,
    reporter: ProgressReporter | None = None,
    context: DistributedContext = SINGLE_PROCESS,
) -> Fitted | None:
    """Train RFT and its SFT twin on a labelled folder and compare them with the base policy.

    Args:
        settings: the data and every choice.
        folder: the fit's folder.
        resume: go on in a folder that holds a fit.
        check: examine the data first, and end where it has errors.
        dataset: the labels, where they were read already.
        reporter: where sentences and progress go.
        context: which process this is; all questions, in training and after it, are divided among them.

    Returns:
        What came of it; None in a process that only helped.

    Raises:
        InputError: the data or the model cannot be used.
        RunError: the folder holds a fit and ``resume`` is False, or it began with other settings, weights or
            data.
        Interrupted: a signal ended a trial; the same call with ``resume`` goes on.
    """
    began = time.monotonic()
    shown = reporter if reporter is not None and context.is_first else NullReporter()
    pipeline = FitPipeline(settings, folder, shown, context, dataset)
    with removed_if_refused(folder, PROBE, context.is_first):
        pipeline.prepare(resume, check)
        return pipeline.run(began)
