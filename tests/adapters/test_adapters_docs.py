"""The page of adapters: what it shows of vrft exists, and its packing runs as it is written there."""

from __future__ import annotations

import ast
import json
import re
import runpy
from importlib import import_module
from pathlib import Path

from PIL import Image

from vrft.integrations.packing import unpack
from vrft.types import Boxes, CoordinateFrame, Form

PAGE = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_name_that_is_imported_from_vrft_exists():
    found = [
        (node.module, alias.name)
        for block in BLOCKS
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vrft")
        for alias in node.names
    ]
    assert len(found) >= 11
    assert [name for name in found if not hasattr(import_module(name[0]), name[1])] == []


def test_the_packing_runs_on_a_labelled_folder(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "photos" / "a.png")
    labels = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 6, 20, 30], "iscrowd": 0}],
    }
    (tmp_path / "photos" / "labels.json").write_text(json.dumps(labels))
    (tmp_path / "block.py").write_text(BLOCKS[0])
    monkeypatch.chdir(tmp_path)
    (row,) = runpy.run_path("block.py")["rows"]
    example, frames = unpack(row["vrft_target"])
    assert example.target == Boxes(((4.0, 6.0, 24.0, 36.0),))
    assert (frames, example.form) == ((CoordinateFrame.whole("norm1000", (64, 48)),), Form.THINK)
    assert "'cat'" in row["text"] and Path(row["image"]).name == "a.png"
