"""Where a benchmark's result goes: printed, into a folder of the user's, or over the committed file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vrft.errors import ConfigError
from vrft.run_folder import hardware, versions, write_json

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def result_parser(description: str, committed: Path | None) -> argparse.ArgumentParser:
    """A command line with ``--out`` and, where a result is committed, ``--save``.

    Args:
        description: of the script.
        committed: the file, or the folder, that the repository keeps; None where it keeps none.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, metavar="FOLDER", help="write the result into this folder")
    if committed is not None:
        shown = committed.relative_to(ROOT)
        where.add_argument("--save", action="store_true", help=f"write it over the committed {shown}")
    return parser


def add_cell_options(parser: argparse.ArgumentParser, committed: Path, threads: int) -> None:
    """Options of a benchmark that runs cells, a file each, and writes a page of them.

    Args:
        parser: of ``result_parser``.
        committed: the folder that the repository keeps; runs are in a folder of its name.
        threads: of the process, where nothing else is said.
    """
    name = committed.name
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / name, help="folder of runs")
    parser.add_argument("--docs", type=Path, help="folder of the page")
    parser.add_argument("--part", default="1/1", help="I/N: every Nth cell, for N processes at once")
    parser.add_argument("--threads", type=int, default=threads, help="of the process")
    parser.add_argument("--keep", action="store_true", help="leave the runs of finished cells on disk")
    parser.add_argument("--tiny", action="store_true", help="two steps of two images: tries the code only")


def check_places(options: argparse.Namespace, runs: str, committed: Path) -> None:
    """See that a command line says where a page, or a cell's file, goes.

    Args:
        options: of ``add_cell_options``, with ``page``.
        runs: what is run, to begin a sentence; empty where nothing is.
        committed: the folder that the repository keeps.

    Raises:
        ConfigError: nothing says it, or two things.
    """
    if options.page and (options.docs is None) != options.save:
        raise ConfigError(
            "--page writes into the folder of --docs, or with --save into docs: name one of them."
        )
    if runs and options.out is None and not options.save:
        place = committed.relative_to(ROOT)
        raise ConfigError(f"{runs} writes into the folder of --out, or with --save into {place}.")


def target_of(options: argparse.Namespace, committed: Path) -> Path | None:
    """The file to write; None where the result is only printed."""
    if getattr(options, "save", False):
        return committed
    return options.out / committed.name if options.out is not None else None


def write_result(options: argparse.Namespace, committed: Path, result: Mapping[str, Any]) -> None:
    """Write a result where the command line says, and print it with ``--json``."""
    target = target_of(options, committed)
    if target is not None:
        write_json(target, result)
    if getattr(options, "json", False):
        print(json.dumps(result, indent=1))


def facts(*packages: str) -> dict[str, Any]:
    """What a result says of where it comes from, with the versions of further packages."""
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    return {
        "command": command,
        "date": date.today().isoformat(),
        "hardware": hardware(),
        "versions": versions() | {name: version(name) for name in packages},
    }
