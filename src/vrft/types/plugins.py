"""Parts that are found, not listed: modules of a package, and what a user names by module or file."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from typing import Any


@cache
def discover(package: str, name: str, group: str | None = None) -> tuple[Any, ...]:
    """What the modules of a package define under a name, in the order of the modules' names; then what other
    packages bring as entry points of a group."""
    folder = import_module(package).__path__
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(folder)]
    own = [getattr(module, name) for module in modules if hasattr(module, name)]
    points = sorted(entry_points(group=group), key=lambda point: point.name) if group is not None else []
    return (*own, *(point.load() for point in points))


def load_object(spec: str) -> Any:
    """What ``package.module:NAME`` or ``path/to/file.py:NAME`` names; ValueError where it cannot be had."""
    place, _, attribute = spec.rpartition(":")
    try:
        return getattr(module_at(place), attribute)
    except AttributeError as error:
        if str(error).startswith("module ") and f"'{attribute}'" in str(error):
            raise ValueError(f"{place} does not define {attribute}") from error
        raise ValueError(f"{spec} cannot be loaded ({type(error).__name__}: {error})") from error
    except (Exception, SystemExit) as error:  # a user's file may fail in any way, or end the program
        raise ValueError(f"{spec} cannot be loaded ({type(error).__name__}: {error})") from error


def module_at(place: str) -> Any:
    """The module of a dotted name, of a file or of a folder with ``__init__.py``, imported."""
    path = Path(place)
    if path.suffix == ".py" or path.is_dir():
        return _from_file(path / "__init__.py" if path.is_dir() else path)
    # A script's own folder is searched for modules, the user's is not.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    return import_module(place)


def _from_file(file: Path) -> Any:
    # Named after its place, so that no installed module shadows it and two files are two modules.
    name = "vrft_user_" + "".join(c if c.isalnum() else "_" for c in str(file.resolve()))
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)])
    if spec is None or spec.loader is None or not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
