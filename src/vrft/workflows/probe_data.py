"""What is probed: images as ``vrft fit`` takes them, or what a configuration names."""

from __future__ import annotations

from pathlib import Path

from vrft.config.questions import labels_at
from vrft.config.recipes import recipe_path
from vrft.config.run_config import RunConfig, load_config
from vrft.diagnostics.probe.run_probe import ProbeResult, probe_run
from vrft.errors import InputError
from vrft.miniature.location import MINIATURE
from vrft.progress import ProgressReporter
from vrft.run_folder import fresh_folder, removed_if_refused
from vrft.types import Form
from vrft.workflows.check_data import is_config
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.requests import ProbeRequest, reading_of, stated

OF_A_FOLDER = ("task", "task_option", "model", "shots", "form")


def probe_data(
    request: ProbeRequest, out: Path | None = None, reporter: ProgressReporter | None = None
) -> ProbeResult:
    """Probe a folder of labelled images, or what a configuration names.

    Args:
        request: what, and how many samples.
        out: folder of ``probe.json``; None takes the run's own.
        reporter: where progress goes.

    Raises:
        InputError: the path is nothing of this kind, or an option does not go with it.
    """
    config = _config(request)
    folder = out or Path(config.out)
    with removed_if_refused(Path(config.out), "probe.json"), removed_if_refused(folder, "probe.json"):
        return probe_run(
            config,
            folder,
            samples=request.samples,
            questions=request.questions,
            temperatures=request.temperatures,
            reporter=reporter,
        )


def _config(request: ProbeRequest) -> RunConfig:
    if not request.path.exists() or is_config(request.path):
        for name in OF_A_FOLDER:
            if getattr(request, name) not in (None, ()):
                option = name.replace("_", "-")
                raise InputError(
                    f"--{option} is for a folder of images. Change a configuration by key=value."
                )
        return load_config(recipe_path(request.path), request.overrides)
    task, _ = labels_at(request.path, request.task, request.task_options, reading_of(request))
    settings = FitSettings(
        data=request.path,
        task=request.task or task.name,
        task_options=request.task_options,
        model=request.model or MINIATURE,
        shots=request.shots or FitSettings.shots,
        seed=request.seed,
        overrides=request.overrides,
        **stated(request),
    )
    stem = Path("runs") / f"probe-{request.path.resolve().name}-{task.name}-{request.seed}"
    return settings.trial(
        "rft", rate=settings.recipe.rft_rates[0], out=fresh_folder(stem), form=request.form or Form.THINK
    )
