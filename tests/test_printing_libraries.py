"""``--json`` where what vrft loads or starts prints on standard output too."""

from __future__ import annotations

import json
import os
import sys
from unittest.mock import patch

import pytest

from launch import vrft
from vrft.cli import main

PRINTING = """
import ctypes, os, subprocess, sys
print("loaded", flush=True)
ctypes.CDLL(None).puts(b"a library in C, which writes when its buffer is full")
from vrft.types import Boxes, expect

def count(answer, target):
    print("in Python")
    os.write(1, b"past Python\\n")
    said = answer.as_(Boxes)
    return float(said is not None and len(said.xyxy_px) == len(expect(target, Boxes).xyxy_px))

subprocess.run([sys.executable, "-S", "-c", "print('a process')"], check=True)
"""


@pytest.fixture
def asked(tmp_path):
    (tmp_path / "printing.py").write_text(PRINTING)
    return ("audit", "printing.py:count", "--task", "detection", "--targets", "60", "--json")


def test_only_the_result_is_on_standard_output(asked, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with patch.object(sys, "argv", ["vrft", *asked]), pytest.raises(SystemExit):
        main()
    os.write(1, b"after\n")
    out, err = capfd.readouterr()
    result, end = json.JSONDecoder().raw_decode(out)
    assert result["verdicts"] and out[end:] == "\nafter\n"
    for said in ("loaded", "a library in C", "in Python", "past Python", "a process"):
        assert said in err


def test_the_same_where_standard_output_is_a_stream_in_memory(asked, tmp_path):
    ended = vrft(*asked, cwd=tmp_path)
    assert json.loads(ended.stdout)["verdicts"] and "in Python" in ended.stderr
