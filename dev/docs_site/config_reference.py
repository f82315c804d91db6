"""The reference of the configuration, as Markdown: every key with its type, default, range and meaning."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from functools import cache
from textwrap import dedent
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs_site.definitions import code, definition, prose
from vrft.types.options import Choice, Options

LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "min_length": "at least so many:"}


def config_reference() -> str:
    """Every section, after the keys that belong to no section."""
    from vrft.config.run_config import RunConfig

    return "\n\n".join(_section(RunConfig, ""))


def _section(model: type[BaseModel], path: str) -> Iterator[str]:
    """The keys of a model, then the sections and the choices within it."""
    fields = model.model_fields
    plain = {name: field for name, field in fields.items() if not _inner(field) or _choice(field)}
    yield from (_key(model, name, field, path) for name, field in plain.items())
    for name, field in fields.items():
        inner, choice = _inner(field), _choice(field)
        key = f"{path}{name}"
        if inner is not None and choice is None:
            level = "#" * (key.count(".") + 2)
            yield f"({_anchor(key)})=\n{level} {code(key)}"
            yield _doc(model, name) or prose(_summary(inner))
            if field.default is None and NoneType in get_args(field.annotation):
                yield "Null by default: naming one of its keys turns it on."
            yield from _section(inner, f"{key}.")
        if choice is not None:
            yield from _choices(choice, key)


def _choices(choice: Choice, key: str) -> Iterator[str]:
    """The classes of a choice, each with its own options."""
    level = "#" * (key.count(".") + 2)
    yield f"{level} Values of {code(key)}"
    for name, model in choice.table.items():
        keys = [_key(model, own, field, f"{key}.") for own, field in model.model_fields.items()]
        options = "\n\n".join(keys)
        text = prose(_summary(model))
        yield f"{code(name)}\n: {text}" + ("\n\n" + _indented(options) if options else "")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())


def _key(model: type[BaseModel], name: str, field: FieldInfo, path: str) -> str:
    notes = [_type(field.annotation, _choice(field)), *_limits(field)]
    notes.append("required" if field.is_required() else f"default: {code(_default(field))}")
    return definition(code(f"{path}{name}"), _doc(model, name), notes)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    choice = _choice(field)
    if choice is not None and isinstance(value, Options):
        value = choice.write(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _limits(field: FieldInfo) -> Iterator[str]:
    for part in field.metadata:
        for name, words in LIMITS.items():
            if (limit := getattr(part, name, None)) is not None:
                yield f"{words} {limit}"


def _type(kind: Any, choice: Choice | None) -> str:
    if choice is not None:
        return "a name, or a mapping with a name"
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(part, None) for part in args))
    if origin is Literal:
        return " or ".join(code(str(value)) for value in args)
    if origin is tuple:
        return f"list of {_type(args[0], None)}"
    if origin in (dict, Mapping):
        return f"mapping to {_type(args[1], None)}"
    if hasattr(kind, "__metadata__"):
        return _type(args[0], None)
    if kind is NoneType:
        return "null"
    if members := getattr(kind, "__members__", None):
        return " or ".join(code(str(member.value)) for member in members.values())
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any value"}
    return words.get(kind, getattr(kind, "__name__", str(kind)))


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a section."""
    kinds = [field.annotation, *get_args(field.annotation)]
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _choice(field: FieldInfo) -> Choice | None:
    """The table that a value is chosen from, also by each item of a list."""
    inner = [part for kind in get_args(field.annotation) for part in getattr(kind, "__metadata__", ())]
    return next((part for part in (*field.metadata, *inner) if isinstance(part, Choice)), None)


def _summary(model: type[BaseModel]) -> str:
    return (inspect.getdoc(model) or "").split("\n\n")[0]


def _doc(model: type[BaseModel], name: str) -> str:
    """What stands below a field, in its class or the one that it comes from."""
    return next((prose(own[name]) for one in model.__mro__ if name in (own := _docs_of(one))), "")


@cache
def _docs_of(model: type) -> Mapping[str, str]:
    """The text after each field, which Python itself does not keep."""
    if not issubclass(model, BaseModel) or model is BaseModel:
        return {}
    (node,) = ast.parse(dedent(inspect.getsource(model))).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match text:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    found[field.target.id] = words
    return found


def _anchor(key: str) -> str:
    return "config-" + key.replace(".", "-").replace("_", "-")
