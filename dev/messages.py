"""Every message of an error or a warning in src/vrft, as one table: where, of which kind, in which words.

    python dev/messages.py
    PYTHONPATH=dev MESSAGES=reached.txt pytest -p messages; python dev/messages.py --reached reached.txt

As a plugin of pytest it writes down which of them the tests make.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "src" / "vrft"
MADE = {"LabelError", "BoxError", "Finding", "warnings_about"}
"""What carries a message also where it is not raised at once."""
SAID = {"info", "warn", "warning"}
"""Methods that show a sentence."""


@dataclass(frozen=True)
class Site:
    """One place that makes a message."""

    place: str
    kind: str
    message: str
    call: ast.Call


def sites_of(path: Path, tree: ast.Module) -> list[Site]:
    """The sites of one module, from the top to the bottom."""
    found: dict[int, Site] = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.Module):
            words = _words_of_names(function)
            for node in ast.walk(function):
                call = node.exc if isinstance(node, ast.Raise) else node
                if isinstance(call, ast.Call) and (isinstance(node, ast.Raise) or _speaks(call)):
                    # The innermost function comes last, and knows the names best.
                    found[id(call)] = _site(path, call, words)
    return sorted(found.values(), key=lambda site: site.call.lineno)


def _speaks(call: ast.Call) -> bool:
    return _name(call.func) in MADE or (_name(call.func) in SAID and isinstance(call.func, ast.Attribute))


def _site(path: Path, call: ast.Call, words: Mapping[int, tuple[str, str]]) -> Site:
    known = dict(words[line] for line in sorted(words) if line <= call.lineno)
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    said = [known.get(text[1:-1], text) for part in arguments if (text := template(part))]
    place = f"{path.relative_to(SOURCE).as_posix()}:{call.lineno}"
    return Site(place, _name(call.func), " | ".join(said), call)


def _words_of_names(function: ast.AST) -> Mapping[int, tuple[str, str]]:
    """What is written into which variable, by line."""
    return {
        node.lineno: (node.targets[0].id, text)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if " " in (text := template(node.value))
    }


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)


def template(node: ast.expr) -> str:
    """The words of an expression, with a name in braces for what is filled in."""
    match node:
        case ast.Constant(value=str() as text):
            return text.replace("\n", "\\n")
        case ast.JoinedStr(values=parts):
            return "".join(map(template, parts))
        case ast.FormattedValue(value=inner):
            return f"{{{ast.unparse(inner)}}}"
        case ast.BinOp(left=left, right=right):
            return template(left) + template(right)
        case ast.IfExp(body=body, orelse=other):
            return f"[{template(body)} / {template(other)}]"
        case ast.Dict(keys=keys):
            return " / ".join(template(key) for key in keys if key is not None)
    return "" if isinstance(node, ast.Constant) else f"{{{ast.unparse(node)}}}"


class _Marked(ast.NodeTransformer):
    """Each site's call ``f(x)`` becomes ``reached(place, f(x))``."""

    def __init__(self, sites: list[Site]) -> None:
        self.places = {id(site.call): site.place for site in sites}

    def visit_Call(self, node: ast.Call) -> ast.Call:
        place = self.places.get(id(node))
        self.generic_visit(node)
        if place is None:
            return node
        arguments: list[ast.expr] = [ast.Constant(place), node]
        return ast.copy_location(ast.Call(ast.Name("_reached", ast.Load()), arguments, []), node)


def pytest_configure() -> None:
    """Have every module of vrft write down the messages that it makes."""
    reached: set[str] = set()
    plain = SourceFileLoader.get_code

    def write_down(place: str, made: Any) -> Any:
        if place not in reached:
            reached.add(place)
            with open(os.environ["MESSAGES"], "a") as file:
                file.write(f"{place}\n")
        return made

    def get_code(self: SourceFileLoader, name: str) -> Any:
        if not Path(self.path).is_relative_to(SOURCE):
            return plain(self, name)
        tree = ast.parse(Path(self.path).read_bytes())
        marked = _Marked(sites_of(Path(self.path), tree)).visit(tree)
        return compile(ast.fix_missing_locations(marked), self.path, "exec", dont_inherit=True)

    builtins._reached = write_down  # type: ignore[attr-defined]
    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--reached", type=Path, help="what the plugin wrote: list only what is not there")
    arguments = parser.parse_args()
    reached = set(arguments.reached.read_text().split()) if arguments.reached else set()
    paths = sorted(SOURCE.rglob("*.py"))
    sites = [site for path in paths for site in sites_of(path, ast.parse(path.read_bytes()))]
    missed = [site for site in sites if site.place not in reached]
    for site in missed:
        print(site.place, site.kind, site.message, sep="\t")
    print(f"{len(sites)} sites, {len(sites) - len(missed)} reached", file=sys.stderr)


if __name__ == "__main__":
    main()
