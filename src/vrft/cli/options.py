"""How a verb's arguments model becomes a command: each field an option, its description the help."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from typer.models import ParameterInfo

from vrft.errors import InputError
from vrft.types.options import Options

LAST = ("out", "resume", "as_json")
"""Options that the help names after all others."""


class Args(Options):
    """Base of what a user may say to a verb; ``positional`` names the fields that are arguments."""

    positional: ClassVar[tuple[str, ...]] = ()


class WithJson(Args):
    """A verb that can print JSON."""

    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")] = (
        False
    )


class WithResume(Args):
    """A verb that can go on."""

    resume: bool = Field(False, description="Go on where an interrupted run was stopped.")


A = TypeVar("A", bound=Args)


def command(model: type[A], run: Callable[[A], None]) -> Callable[..., None]:
    """A typer command that hands a verb what the user said, and in ``model_fields_set`` which fields."""

    def call(context: typer.Context, **given: Any) -> None:
        sources = {name: context.get_parameter_source(name) for name in given}
        said = {
            name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"
        }
        run(made(model, {name: value for name, value in given.items() if name in said}))

    names = [name for name in model.model_fields if name not in (*model.positional, *LAST)]
    ordered = [*model.positional, *names, *(name for name in LAST if name in model.model_fields)]
    parameters = [_parameter(name, model.model_fields[name], name in model.positional) for name in ordered]
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    call.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
    call.__doc__ = model.__doc__
    return call


def made(model: type[A], given: dict[str, Any]) -> A:
    """The arguments model of what was given; a value that cannot be used is named with its option."""
    try:
        return model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = option_of(model, str(first["loc"][0]))
        raise InputError(
            f"{option} '{first['input']}': {first['msg'].removeprefix('Value error, ')}."
        ) from error


def option_of(model: type[Args], name: str) -> str:
    """How a field is written on the command line."""
    return name.upper() if name in model.positional else f"--{name.replace('_', '-')}"


def chosen_folder(out_folder: Path | None, stem: Path, resume: bool) -> Path:
    """Where a verb keeps what it makes: the user's folder, else a fresh one, or the newest to go on."""
    return out_folder or (newest_folder(stem) if resume else fresh_folder(stem))


def fresh_folder(stem: Path) -> Path:
    """A folder that does not exist yet: the stem itself, or with the next free number."""
    number, folder = 1, stem
    while folder.exists():
        number += 1
        folder = stem.with_name(f"{stem.name}-{number}")
    return folder


def newest_folder(stem: Path) -> Path:
    """The folder with the highest number that exists; the stem where there is none."""
    number, folder = 1, stem
    while True:
        following = stem.with_name(f"{stem.name}-{number + 1}")
        if not following.exists():
            return folder
        number, folder = number + 1, following


def one_process(verb: str) -> None:
    """Refuse to do a job several times over."""
    from vrft.distributed import init_distributed

    if init_distributed().count > 1:
        raise InputError(
            f"vrft {verb} works in one process: start it without a launcher. fit, train, sft and eval share."
        )


def _parameter(name: str, field: FieldInfo, is_argument: bool) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.is_required() else field.get_default(call_default_factory=True)
    info = next((part for part in field.metadata if isinstance(part, ParameterInfo)), None)
    kind, default = _typer_type(field, default)
    if info is None and is_argument:
        info = typer.Argument(help=field.description)
    elif info is None:
        # Without a name of its own, a flag would have a '--no-' twin.
        flag = (f"--{name.replace('_', '-')}",) if default is False else ()
        info = typer.Option(*flag, help=field.description)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


def _typer_type(field: FieldInfo, default: Any) -> tuple[Any, Any]:
    """The type that typer reads, and the default that its help shows."""
    if any(isinstance(part, BeforeValidator) for part in field.metadata):
        # A field with a reader of its own takes text: numbers or names with commas between.
        return str, ",".join(map(str, default)) if isinstance(default, tuple) else default
    kind = field.annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Literal:
        kind = str
    if get_origin(kind) is tuple:
        item: Any = get_args(kind)[0]
        repeated = list[item]
        return (repeated, default) if default is inspect.Parameter.empty else (repeated | None, None)
    optional: Any = kind
    return (optional | None if default is None else kind), default
