"""Weights & Biases, offline too (``pip install 'vrft[wandb]'``)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Literal

from vrft.training.batch import Row
from vrft.training.loggers.logger import (
    Logger,
    RunDescription,
    TrackerOptions,
    drawn_rollout,
    needs_package,
    rollout_lines,
    scalars,
)
from vrft.types import RolloutGroup


class WeightsAndBiases(TrackerOptions):
    """Scalars, and of some groups a table of the rollouts and the image with the answer drawn in."""

    project: str = "vrft"
    """The project that the run is listed in."""
    mode: Literal["online", "offline", "disabled"] = "online"
    """'offline' writes into the run's folder; `wandb sync` sends it later."""
    entity: str | None = None
    """The user or team; null takes your own default."""

    def open(self, run: RunDescription) -> Logger:
        """One run of the tracker for each run folder: a resumed one goes on under the same id."""
        try:
            import wandb
        except ImportError as error:
            raise needs_package("wandb") from error
        return _WandbLogger(self, run, wandb)


class _WandbLogger:
    def __init__(self, options: WeightsAndBiases, run: RunDescription, wandb: Any) -> None:
        self._options, self._run, self._wandb = options, run, wandb
        self._tracked: Any = None

    def start(self, step: int) -> None:
        o, folder = self._options, self._run.folder
        identity = folder.path / "wandb_id.txt"
        known = identity.read_text().strip() if identity.exists() else secrets.token_hex(4)
        folder.write_text(identity.name, known + "\n")
        self._tracked = self._wandb.init(
            project=o.project,
            entity=o.entity,
            mode=o.mode,
            name=self._run.name,
            id=known,
            resume="allow",
            dir=str(folder.path),
            config=dict(self._run.config),
        )
        # Its own counter cannot go back to the checkpoint of a resumed run; charts go by this one.
        self._tracked.define_metric("step")
        self._tracked.define_metric("*", step_metric="step")

    def log(self, step: int, metrics: Row) -> None:
        self._tracked.log({"step": step, **scalars(metrics)})

    def log_groups(self, step: int, groups: Sequence[RolloutGroup]) -> None:
        chosen = self._options.shown(step, groups)
        if not chosen:
            return
        # Images on their own: a table keeps only the name of an image where the run is offline.
        table = self._wandb.Table(columns=["example", "rollout", "reward"])
        shown: dict[str, Any] = {}
        for name, group in chosen:
            for rollout, line in zip(group.rollouts, rollout_lines(group), strict=True):
                table.add_data(group.example.id, line, rollout.reward)
            image = drawn_rollout(group.rollouts[0])
            if image is not None:
                caption = f"{group.example.id}: {group.rollouts[0].reward:g}"
                shown[name] = self._wandb.Image(image, caption=caption)
        self._tracked.log({"step": step, "rollouts": table, **shown})

    def close(self) -> None:
        self._tracked.finish()


LOGGER = ("wandb", WeightsAndBiases)
