"""What a model argument means: a run folder stands for its trained model."""

from __future__ import annotations

from pathlib import Path


def model_source(model: str) -> str:
    """The model folder behind an argument.

    Args:
        model: a run folder, a model folder, a hub id, or 'miniature'.
    """
    inner = Path(model) / "model"
    return (
        str(inner) if (inner / "config.json").exists() or (inner / "adapter_config.json").exists() else model
    )
