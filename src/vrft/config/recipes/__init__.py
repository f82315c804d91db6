"""Shipped configurations, found by their names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from vrft.errors import ConfigError
from vrft.types.options import did_you_mean

SUFFIX = ".yaml"


def recipe_names() -> list[str]:
    """Names of the shipped recipes, sorted."""
    return sorted(path.stem for path in _folder().glob(f"*{SUFFIX}"))


def recipe_path(argument: Path) -> Path:
    """The configuration file that a command-line argument means."""
    if argument.is_file():
        return argument
    name = str(argument).removesuffix(SUFFIX)
    if name not in recipe_names():
        hint = did_you_mean(name, recipe_names())
        known = ", ".join(recipe_names())
        raise ConfigError(f"There is no file and no recipe '{argument}'.{hint} Recipes: {known}.")
    return _folder() / f"{name}{SUFFIX}"


def _folder() -> Path:
    return Path(str(files("vrft.config.recipes")))
