"""A choice in a configuration: one class of a table, by its name, with that class's own options.

``loss: dapo`` and ``loss: {name: dapo, clip_high: 0.28}`` both give a ``Dapo``; a class of the user's own
is named ``package.module:Class`` or ``file.py:Class``. A new key of one class touches its own file alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vrft.types.options import Options

NAME = "name"


class Choice:
    """Annotation of a field: ``Annotated[Loss, Choice(LOSSES)]``; a function may give the table."""

    def __init__(
        self,
        table: Mapping[str, type[Options]] | Callable[[], Mapping[str, type[Options]]],
        default: str | None = None,
    ) -> None:
        self._table, self._default = table, default

    @property
    def table(self) -> Mapping[str, type[Options]]:
        """Classes by name."""
        return self._table() if callable(self._table) else self._table

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Validates a name, a mapping with a name, or an instance; writes the shortest of them."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(self.write)
        )

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> Any:
        """A name, or an object with the options of one class."""
        return {
            "anyOf": [
                {"type": "string", "examples": list(self.table)},
                *({"title": n, **c.model_json_schema()} for n, c in self.table.items()),
            ]
        }

    def read(self, given: Any) -> Options:
        """The instance that a configuration means."""
        if isinstance(given, Options):
            return given
        options = (
            {NAME: given} if isinstance(given, str) else dict(given) if isinstance(given, Mapping) else {}
        )
        name = options.pop(NAME, self._default if options else None)
        if not isinstance(name, str):
            raise ValueError(f"a name was expected, one of {', '.join(self.table)}")
        try:
            return self._class(name).model_validate(options)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            known = ", ".join(self._class(name).model_fields) or "none"
            raise ValueError(f"{name}.{key}: {first['msg']} (options of {name}: {known})") from error

    def write(self, value: Options) -> Any:
        """A bare name where all options have their defaults, else a mapping."""
        name = next((n for n, c in self.table.items() if type(value) is c), None)
        name = name or f"{type(value).__module__}:{type(value).__qualname__}"
        changed = value.model_dump(mode="json", exclude_defaults=True)
        return {NAME: name, **changed} if changed else name

    def _class(self, name: str) -> type[Options]:
        if name in self.table:
            return self.table[name]
        if ":" in name:
            found = load_object(name)
            if isinstance(found, type) and issubclass(found, Options):
                return found
            raise ValueError(f"{name} is not a class of options")
        near = get_close_matches(name, self.table, 1, 0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"there is no '{name}'.{hint} Choose one of: {', '.join(self.table)}")


def load_object(spec: str) -> Any:
    """What ``package.module:NAME`` or ``path/to/file.py:NAME`` names; ValueError where it cannot be had."""
    place, _, attribute = spec.rpartition(":")
    try:
        return getattr(module_at(place), attribute)
    except AttributeError as error:
        if str(error).startswith("module ") and f"'{attribute}'" in str(error):
            raise ValueError(f"{place} defines no {attribute}") from error
        raise ValueError(f"{spec} cannot be loaded ({type(error).__name__}: {error})") from error
    except Exception as error:  # a user's file may fail in any way
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
