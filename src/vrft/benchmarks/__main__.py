"""``python -m vrft.benchmarks``: what the paper's benchmarks need, whether it is there, and their folders."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vrft.benchmarks.build_suite import Built, build
from vrft.benchmarks.suite import Suite, check, load_suite, suites
from vrft.config.recipes import recipe_path
from vrft.config.run_config import load_config
from vrft.errors import InputError, RunError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
out = Console(highlight=False)


@app.command()
def prepare(
    name: Annotated[str | None, typer.Argument(help="A suite; without one they are listed.")] = None,
    root: Annotated[
        Path | None, typer.Argument(help="Where its downloads were unpacked; without it they are listed.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The folder to write; without it, only check.")
    ] = None,
    shots: Annotated[
        int | None, typer.Option(min=1, help="Training images per class; the paper's by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Source of every random choice.")] = 0,
    eval_max: Annotated[
        int | None, typer.Option(min=1, help="Test questions at most, about what is there; all by default.")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Write although something differs.")] = False,
) -> None:
    """List the paper's benchmarks, check one on disk, or write its few-shot folder and split."""
    if name is None:
        _say([f"{s.name:22}Table {s.table}  {s.title} ({s.task})" for s in suites()])
        return
    suite = load_suite(name)
    if root is None:
        _say(_needs(suite))
        return
    differences = check(suite, root)
    _say([f"{suite.title}: {'differs from the original' if differences else 'as expected'}.", *differences])
    if folder is None:
        if differences:
            raise typer.Exit(1)
        return
    if differences and not anyway:
        raise InputError("Nothing was written. Fix what differs, or add --anyway.")
    _say(_done(suite, build(suite, root, folder, shots=shots, seed=seed, eval_max=eval_max)))


def main() -> None:
    """Entry point: bad input ends in a sentence and status 2."""
    try:
        app(prog_name="python -m vrft.benchmarks")
    except (InputError, RunError) as error:
        Console(stderr=True, highlight=False).print(str(error), markup=False, soft_wrap=True)
        sys.exit(2)


def _say(lines: list[str]) -> None:
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def _needs(suite: Suite) -> list[str]:
    lines = [f"{suite.title}, Table {suite.table} of arXiv 2503.01785. Fetch, into one folder:"]
    for download in suite.downloads:
        checksum = f" ({download.checksum})" if download.checksum else ""
        lines.append(f"  {download.name}{checksum}\n    from {download.source}\n    leaves {download.leaves}")
    expected = ", ".join(f"{count} {what}" for what, count in suite.counts.items())
    lines.append(f"Expected: {expected or 'no counts are known'}; {len(suite.classes) or 'no'} classes.")
    return [*lines, suite.splits]


def _done(suite: Suite, built: Built) -> list[str]:
    sizes = [len(part) for part in (built.split.train, built.split.val, built.split.heldout)]
    lines = [
        *built.notes,
        suite.splits,
        f"{built.folder}: {sizes[0]} training, {sizes[1]} validation and {sizes[2]} test questions.",
    ]
    score = f"vrft eval RUN {built.folder / 'test'} --task {suite.task} --eval-max 1000000"
    if not suite.recipe:
        return [*lines, f"Score: {score}"]
    options = load_config(recipe_path(Path(suite.recipe))).task.options
    naming = "".join(f" --task-option {name}={json.dumps(value)}" for name, value in options.items())
    manifest = built.folder / "manifest.json"
    return [
        *lines,
        f"Train: vrft train {suite.recipe} data.path={built.folder} data.manifest={manifest}",
        f"Score: {score}{naming}",
    ]


if __name__ == "__main__":
    main()
