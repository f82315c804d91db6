"""What a model argument means: a run folder stands for its trained model and the way it was asked."""

from __future__ import annotations

from pathlib import Path

from vrft.config.run_config import RunConfig, load_config
from vrft.types import Form

LENGTH = 512
"""Tokens of an answer, at most, of a model that no run of ours knows."""


def model_source(model: str) -> str:
    """The model folder behind an argument.

    Args:
        model: a run folder, a model folder, a hub id, or 'miniature'.
    """
    inner = Path(model) / "model"
    return (
        str(inner) if (inner / "config.json").exists() or (inner / "adapter_config.json").exists() else model
    )


def form_for(model: str, wanted: Form | None) -> Form:
    """The form to ask in: the user's, else the one a run was trained in, else with thinking.

    Args:
        model: as for ``model_source``.
        wanted: the user's choice, if any.
    """
    trained = run_config(model)
    return wanted or (trained.prompt.form if trained is not None else Form.THINK)


def run_config(model: str) -> RunConfig | None:
    """The configuration of a run folder; None for any other model."""
    path = Path(model) / "config.yaml"
    return load_config(path) if path.exists() else None


def length_for(own: RunConfig | None, wanted: int | None) -> int:
    """Tokens of an answer, at most: the user's, else those of the model's own run, else ``LENGTH``.

    Args:
        own: the configuration of the model's run, if it has one.
        wanted: the user's choice, if any.
    """
    return wanted or (own.rollout.max_new_tokens if own is not None else LENGTH)


def pixels_for(own: RunConfig | None, least: int | None, most: int | None) -> tuple[int | None, int | None]:
    """Least and most pixels of a picture after the processor's resize, in the same order of choice.

    Args:
        own: the configuration of the model's run, if it has one.
        least: the user's choice, if any.
        most: likewise.
    """
    trained = (own.model.min_pixels, own.model.max_pixels) if own is not None else (None, None)
    return (least or trained[0], most or trained[1])
