"""How a verb's arguments model becomes a command: each field an option, its description the help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from itertools import chain
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from typer.core import TyperCommand, TyperGroup
from typer.models import ParameterInfo

from vrft.cli.output import results_alone
from vrft.errors import InputError, Interrupted
from vrft.types.options import Options

LAST = ("check", "out", "resume", "as_json", "quiet", "debug")
"""Options that the help names after all others."""
OTHERS = "Options"
"""The heading of options without a group of their own."""
HELP = ("-h", "--help")
NARROWEST = 64
"""Columns that the help takes at least, so that no word of it is broken."""


class Args(Options):
    """Base of what a user may say to a verb.

    ``positional`` names the fields that are arguments, ``groups`` puts options under headings of the help,
    and ``examples`` end it.
    """

    positional: ClassVar[tuple[str, ...]] = ()
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    examples: ClassVar[tuple[str, ...]] = ()

    debug: bool = Field(False, description="Show the traceback of an error.")

    @property
    def for_programs(self) -> bool:
        """Whether standard output is for the result alone."""
        return False


class WithQuiet(Args):
    """A verb that reports progress."""

    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False


class WithJson(Args):
    """A verb that can print JSON."""

    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")] = (
        False
    )

    @property
    def for_programs(self) -> bool:
        return self.as_json


class WithResume(Args):
    """A verb that can go on."""

    resume: bool = Field(False, description="Go on where an interrupted run was stopped.")


class WithCheck(Args):
    """A verb that trains."""

    check: bool = Field(True, description="Examine the data first, as vrft check does; errors end it.")


A = TypeVar("A", bound=Args)


class _WideHelp:
    """Help that is wide enough for every word."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.width = max(formatter.width, NARROWEST)
        super().format_help(ctx, formatter)  # type: ignore[misc]


class Verb(_WideHelp, TyperCommand):
    """A command whose help is plain text: words are whole at any width, options stand in groups, examples at
    the end."""

    model: type[Args]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, then options by group."""
        group_of = {field: name for name, fields in self.model.groups.items() for field in fields}
        headings = ("Arguments", *self.model.groups, OTHERS)
        sections: dict[str, list[tuple[str, str]]] = {heading: [] for heading in headings}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                argument = parameter.param_type_name == "argument"
                place = "Arguments" if argument else group_of.get(parameter.name or "", OTHERS)
                sections[place].append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The examples, each on a line of its own, whatever its length."""
        if self.model.examples:
            formatter.write("\nExamples:\n" + "".join(f"  {line}\n" for line in self.model.examples))


class Verbs(_WideHelp, TyperGroup):
    """The list of verbs, under headings."""

    headings: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the headings."""
        known = list(super().list_commands(ctx))
        ordered = [name for name in chain(*self.headings.values()) if name in known]
        return [*ordered, *(name for name in known if name not in ordered)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each heading with its verbs."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        heading_of = {name: heading for heading, names in self.headings.items() for name in names}
        width = max(map(len, found), default=0)
        for heading in dict.fromkeys(heading_of.get(name, "Commands") for name in found):
            rows = [
                (f"{name:<{width}}", " ".join((command.help or "").split("\n\n")[0].split()))
                for name, command in found.items()
                if command is not None and heading_of.get(name, "Commands") == heading
            ]
            with formatter.section(heading):
                formatter.write_dl(rows)


def verb(app: typer.Typer, name: str, model: type[A], *, run: Callable[[A], None]) -> None:
    """Add a verb to an application."""
    kind = type(f"Verb_{name}", (Verb,), {"model": model})
    app.command(name, cls=kind, context_settings={"help_option_names": list(HELP)})(command(model, run))


def command(model: type[A], run: Callable[[A], None]) -> Callable[..., None]:
    """A typer command that hands a verb what the user said, and in ``model_fields_set`` which fields."""

    def call(context: typer.Context, **given: Any) -> None:
        sources = {name: context.get_parameter_source(name) for name in given}
        said = {
            name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"
        }
        args = made(model, {name: value for name, value in given.items() if name in said})
        try:
            with results_alone() if args.for_programs else nullcontext():
                run(args)
        except KeyboardInterrupt:  # typer would end without a word
            raise Interrupted("Stopped.") from None

    names = [name for name in model.model_fields if name not in (*model.positional, *LAST)]
    last = [name for name in LAST if name in model.model_fields and name not in model.positional]
    ordered = [*model.positional, *names, *last]
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


def one_process(verb: str) -> None:
    """Refuse to do a job several times over."""
    from vrft.distributed import init_distributed

    if init_distributed().count > 1:
        raise InputError(
            f"vrft {verb} runs in one process. Start it without torchrun or accelerate; only fit, train, sft "
            "and eval share their work."
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
