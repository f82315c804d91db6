"""What ``import vrft`` offers: few names, each loaded when it is used."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import vrft


@pytest.mark.parametrize("name", vrft.__all__)
def test_a_public_name_is_there_and_documented(name):
    found = getattr(vrft, name)
    assert name == "__version__" or found.__doc__


def test_there_are_at_most_forty_and_dir_lists_them():
    assert dir(vrft) == sorted(vrft.__all__)
    assert len(vrft.__all__) <= 41
    assert vrft.__version__ == version("vrft")
    with pytest.raises(AttributeError, match="imagined"):
        vrft.imagined  # noqa: B018


def test_importing_vrft_loads_nothing_else():
    code = (
        "import sys, vrft; print(sorted(m for m in sys.modules if m.startswith(('vrft.', 'torch', 'numpy'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_user_of_strict_mypy_meets_no_any(tmp_path):
    """What a script may hold of vrft has a type, down to the fields of results."""
    fields = {
        "vrft.fit('a')": ("verdict", "report", "model", "scores['rft'].value", "differences"),
        "vrft.train('a')": ("model", "validation", "best_step", "stopped"),
        "vrft.evaluate('a', 'b')": ("metric", "score.low", "n", "predictions[0].answer.value", "report"),
        "vrft.predict('a', 'b', 'c')[0]": ("answer.value", "text", "example.target", "rollouts[0].reward"),
        "vrft.load_examples('a')[0]": ("question", "target", "image.path", "fields"),
        "vrft.check('a')": ("passed", "findings[0].message", "classes"),
        "vrft.audit('a')": ("passed", "verdicts[0].says"),
        "vrft.load_dataset('a')": ("records", "categories", "warnings"),
    }
    lines = [f"reveal_type(vrft.{name})" for name in vrft.__all__]
    lines += [f"reveal_type({call}.{field})" for call, names in fields.items() for field in names]
    script = tmp_path / "script.py"
    script.write_text("import vrft\n\n" + "\n".join(lines) + "\n")
    # The project's own settings are strict, and share what `make lint` has found out already.
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", str(script)]
    environment = {**os.environ, "COLUMNS": "10000"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    own = [line for line in done.stdout.splitlines() if line.startswith(str(script)) or "script.py" in line]
    assert len([line for line in own if "Revealed type" in line]) == len(lines), done.stdout
    assert [line for line in own if re.search(r"\bAny\b|: error:", line)] == []


def test_the_stub_and_what_is_loaded_are_the_same():
    stub = Path(vrft.__file__).with_suffix(".pyi").read_text("utf-8")
    named = re.findall(r"^from \.([\w.]+) import (\w+) as \2$", stub, re.MULTILINE)
    assert {name for _, name in named} == set(vrft.__all__)
    for module, name in named:
        assert getattr(vrft, name) is getattr(importlib.import_module(f"vrft.{module}"), name)
