"""The options of a verb, as Markdown, from the command line's own definition."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from docs_site.definitions import code, definition

WORDS = {str: "TEXT", int: "INTEGER", float: "NUMBER", Path: "PATH"}
"""What stands for a value; a choice says its values."""


def verbs() -> dict[str, Any]:
    """Every verb with its command; those of a group have two words."""
    from typer.main import get_command

    from vrft.cli import app

    found: dict[str, Any] = {}
    for name, command in _commands(get_command(app)).items():
        inner = _commands(command)
        found |= {f"{name} {own}": each for own, each in inner.items()} or {name: command}
    return found


def verb_options(verb: str) -> str:
    """Usage, arguments and options of a verb, or of each verb of a group.

    Args:
        verb: the first word after ``vrft``.

    Raises:
        KeyError: there is no such verb.
    """
    own = {name: command for name, command in verbs().items() if name.split()[0] == verb}
    if not own:
        raise KeyError(f"vrft has no verb '{verb}'")
    parts = []
    for name, command in own.items():
        parts.append(f"## {'Options' if name == verb else code(f'vrft {name}')}")
        if name != verb:
            parts.append(str(command.help))
        parts.append(f"```text\n{_usage(name, command)}\n```")
        shown = [one for one in command.params if not one.hidden]
        parts += [_described(one) for one in sorted(shown, key=lambda one: one.param_type_name)]
    return "\n\n".join(parts)


def _commands(command: Any) -> Mapping[str, Any]:
    return getattr(command, "commands", {})


def _usage(name: str, command: Any) -> str:
    words = [_argument(one) for one in command.params if one.param_type_name == "argument"]
    needed = [
        f"{one.opts[0]} {_value(one)}"
        for one in command.params
        if one.param_type_name == "option" and one.required
    ]
    return " ".join(["vrft", name, *words, *needed, "[OPTIONS]"])


def _argument(one: Any) -> str:
    word = one.name.upper() + ("..." if one.nargs == -1 else "")
    return word if one.required else f"[{word}]"


def _described(one: Any) -> str:
    if one.param_type_name == "argument":
        return definition(code(_argument(one)), one.help)
    flags = ", ".join(code(flag) for flag in (*one.opts, *one.secondary_opts))
    value = _value(one)
    notes = []
    if one.required:
        notes.append("required")
    default = one.default.value if isinstance(one.default, Enum) else one.default
    if not any(default is nothing for nothing in (None, False)) and default not in ("", (), []):
        notes.append(f"default: {code('on' if default is True else str(default))}")
    return definition(" ".join([flags, *([code(value)] if value else [])]), one.help, notes)


def _value(one: Any) -> str:
    """What is to be written after an option; nothing after a flag."""
    if getattr(one, "is_flag", False):
        return ""
    kind = getattr(getattr(one, "type_descriptor", None), "annotation", None)
    args = getattr(kind, "__args__", ())
    kind = args[0] if args else kind
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return next((word for known, word in WORDS.items() if kind is known), "TEXT")
