"""Parts of vrft that are one file each: every module of a package that defines a certain name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


@cache
def discover(package: str, name: str) -> tuple[Any, ...]:
    """What the modules of a package define under a name, in the order of the modules' names."""
    folder = import_module(package).__path__
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(folder)]
    return tuple(getattr(module, name) for module in modules if hasattr(module, name))
