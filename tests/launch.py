"""vrft started as users start it: in this process where that is enough, as a new one imports torch anew."""

from __future__ import annotations

import io
import json
import os
import runpy
import subprocess
import sys
import traceback
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
TWO = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def vrft(*arguments, cwd):
    """``vrft ARGUMENTS`` in this process, through the entry point."""
    from vrft.cli import main

    out, err, status = io.StringIO(), io.StringIO(), 0
    argv = ["vrft", *map(str, arguments)]
    with chdir(cwd), patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
    return Ended(status, out.getvalue(), err.getvalue())


def started(*arguments, cwd, launch=(sys.executable,)):
    """The same in a process of its own, or in several, which go on meanwhile."""
    command = [*launch, "-m", "vrft", *map(str, arguments)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=cwd, env=ONE_THREAD, **quiet)


def script(path, *arguments):
    """A Python file in this process, as a command. If it fails, the process ends: others may wait for it."""
    places = [str(Path(path).parent), str(Path(__file__).parent), *sys.path]
    with patch.object(sys, "argv", [path, *arguments]), patch.object(sys, "path", places):
        try:
            runpy.run_path(path, run_name="__main__")
        except Exception:
            traceback.print_exc()
            os._exit(1)
    return Ended(0, "", "")


def in_two_processes(commands, cwd):
    """How each of several commands ended, one after the other in the same two processes: what each of them
    said, the first process first. A command is vrft's, or a Python file with its arguments."""
    asked, place = json.dumps([[str(part) for part in command] for command in commands]), Path(cwd) / "ended"
    command = [*TWO, __file__, asked, str(place)]
    done = subprocess.run(command, cwd=cwd, env=ONE_THREAD, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    found = [json.loads(Path(f"{place}-{index}.json").read_text()) for index in range(2)]
    return [tuple(Ended(**one) for one in both) for both in zip(*found, strict=True)]


if __name__ == "__main__":
    ended = [
        asdict(script(*command) if command[0].endswith(".py") else vrft(*command, cwd="."))
        for command in json.loads(sys.argv[1])
    ]
    Path(f"{sys.argv[2]}-{os.environ['RANK']}.json").write_text(json.dumps(ended))
