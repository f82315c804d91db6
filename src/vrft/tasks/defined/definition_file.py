"""A YAML file as text values, each with its line.

Nothing is guessed from how a value is spelt: ``yes``, ``on``, ``012`` and ``1:30`` stay the text that they
are, and whoever expects a number reads one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vrft.errors import ConfigError
from vrft.types.options import did_you_mean

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class DefinitionFile:
    """What a file holds, and where."""

    path: Path
    tree: Mapping[str, Any]
    """Mappings, lists and texts."""
    lines: Mapping[KeyPath, int]
    """Of each key, counted from 1."""

    def error(self, key: KeyPath, problem: str) -> ConfigError:
        """A sentence about a key, with file and line."""
        line = next((self.lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in self.lines), None)
        where = f"{self.path}, line {line}" if line is not None else str(self.path)
        return ConfigError(f"{where}: {'.'.join(key)}: {problem}" if key else f"{where}: {problem}")

    def check_keys(self, key: KeyPath, known: Sequence[str], of: str = "") -> None:
        """Refuse keys of a mapping that nobody reads, each with the nearest that is read."""
        section: Any = self.tree
        for part in key:
            section = section[part]
        has = f"{of} has no such key" if of else "there is no such key"
        listed = f" Known: {', '.join(known)}." if known else ""
        self.refuse(
            self.error((*key, name), f"{has}.{did_you_mean(name, known)}{listed}")
            for name in section
            if name not in known
        )

    def refuse(self, faults: Iterable[ConfigError]) -> None:
        """Raise one error that says all faults, each with its line; nothing where there are none."""
        found = list(faults)
        if len(found) == 1:
            raise found[0]
        if found:
            said = [str(fault).removeprefix(str(self.path)).lstrip(",: ") for fault in found]
            raise ConfigError(f"{self.path}: " + " ".join(f"{one[:1].upper()}{one[1:]}" for one in said))


def read_definition_file(path: Path) -> DefinitionFile:
    """Read a file.

    Raises:
        ConfigError: it cannot be read, is not YAML, has a key twice, or is not a mapping.
    """
    try:
        node = yaml.compose(path.read_text("utf-8"), yaml.BaseLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: this definition cannot be read ({error}). Check its path.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: this is not YAML ({' '.join(str(error).split())}). Fix it.") from error
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}: a definition has keys. Write at least answer, question and right.")
    lines: dict[KeyPath, int] = {}
    return DefinitionFile(path, _value(node, (), lines, path), lines)


def _value(node: yaml.Node, key: KeyPath, lines: dict[KeyPath, int], path: Path) -> Any:
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for name, value in node.value:
            line = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode):
                raise ConfigError(f"{path}, line {line}: a key is text. Write it as 'key: value'.")
            if name.value in found:
                raise ConfigError(f"{path}, line {line}: '{name.value}' is there twice. Keep one of them.")
            lines[(*key, name.value)] = line
            found[name.value] = _value(value, (*key, name.value), lines, path)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(one, key, lines, path) for one in node.value]
    return str(node.value)
