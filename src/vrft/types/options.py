"""Options: frozen and validated, belonging to what they configure; and a choice of one class of them by name.

``loss: dapo`` and ``loss: {name: dapo, clip_high: 0.28}`` both give a ``Dapo``; a class of the user's own
is named ``package.module:Class`` or ``file.py:Class``. A new key of one class touches its own file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from vrft.types.plugins import load_object

NAME = "name"
MAX_SEED = 2**63 - 1
"""The largest seed that all sources of random numbers take."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that ends a message about an unknown name; nothing where no known name is near.

    Example:
        >>> did_you_mean("detectoin", ["detection", "grounding"])
        " Did you mean 'detection'?"
    """
    near = get_close_matches(name, list(known), 1, 0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


class Options(BaseModel):
    """A section of a configuration. Each part of vrft brings its own subclass; ``RunConfig`` only puts them
    together."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
        use_attribute_docstrings=True,
    )


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
                *(_named_schema(name, options) for name, options in self.table.items()),
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
            key = ".".join(map(str, (name, *first["loc"])))
            known = ", ".join(self._class(name).model_fields) or "none"
            said = first["msg"].removeprefix("Value error, ")
            raise ValueError(f"{key}: {said} (options of {name}: {known})") from error

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
            raise ValueError(f"{name} is not a subclass of vrft.types.options.Options")
        hint = did_you_mean(name, self.table)
        raise ValueError(f"there is no '{name}'.{hint} Choose one of: {', '.join(self.table)}")


def _named_schema(name: str, options: type[Options]) -> dict[str, Any]:
    schema = options.model_json_schema()
    properties = {NAME: {"const": name}, **schema.get("properties", {})}
    return {**schema, "title": name, "properties": properties, "required": [NAME]}
