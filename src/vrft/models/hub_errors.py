"""What loading any model from a folder or the hub has in common: silence, and errors in vrft's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoConfig

from vrft.errors import ModelError


def read_config(base: str, source: str) -> Any:
    """transformers' configuration of a folder or hub id; ``source`` is what the user called it."""
    if Path(base).exists() and not (Path(base) / "config.json").exists():
        raise ModelError(f"{source}: no config.json there. Give a Hugging Face model folder or a hub id.")
    try:
        with quiet():
            return AutoConfig.from_pretrained(base)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{source}: no model configuration could be read there: {first_line(error)}"
        ) from error


def check_weights(loading: dict[str, Any], source: str) -> None:
    """Refuse a model of which transformers has made up some weights (its ``output_loading_info``)."""
    lacking = sorted(map(str, [*loading["missing_keys"], *loading["mismatched_keys"]]))[:3]
    if lacking:
        raise ModelError(f"{source}: weights are missing or of another shape ({', '.join(lacking)}, ...).")


def first_line(error: Exception) -> str:
    """What an error says, without what follows its first line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' bars and hints off the screen."""
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        transformers.logging.enable_progress_bar()
