"""The README is true: its tables equal committed results, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.ko.md", "README.zh.md")


def test_tables_are_those_of_the_result_files():
    command = [sys.executable, ROOT / "benchmarks" / "readme_tables.py", "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", READMES)
def test_links_lead_to_files(name):
    text = (ROOT / name).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", READMES)
def test_verbs_and_make_targets_exist(name):
    from typer.main import get_command

    from vrft.cli import app

    text = (ROOT / name).read_text()
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.S))
    verbs = set(re.findall(r"^vrft ([a-z]+) ", blocks, flags=re.M)) | set(re.findall(r"`vrft ([a-z]+)", text))
    assert verbs and verbs <= set(get_command(app).commands)
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", text, flags=re.M):
        assert f"\n{target}:" in makefile
