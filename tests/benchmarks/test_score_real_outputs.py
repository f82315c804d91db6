"""The benchmark of real outputs takes frames from known words alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import score_real_outputs

TEXT = "<answer>[{'Position': [100, 100, 500, 500], 'Confidence': 0.9}]</answer>"
LABEL = [[100, 100, 500, 500]]
SHARES = "xyxy 0-1000 (the solution of the training row)"
PIXELS = "xyxy pixels of the original image"
UNSTATED = "xyxy as in the training row (frame of reference not stated there)"


def line(family: str, task: str, text: str, **more: object) -> str:
    return json.dumps({"id": f"{family}-{len(more)}", "family": family, "task": task, "text": text, **more})


def test_families_are_scored_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        line(
            "shares", "detection", TEXT, coords="0-1000", expected_boxes=LABEL, expected_boxes_format=SHARES
        ),
        line("pixels", "rec", TEXT, expected_boxes=LABEL, expected_boxes_format=PIXELS, image="1.jpg"),
        line("mixed", "gui", TEXT, coords="0-1000", expected_boxes=LABEL, expected_boxes_format=PIXELS),
        line("unstated", "detection", TEXT, expected_boxes=LABEL, expected_boxes_format=UNSTATED),
        line("screens", "gui", TEXT, coords="pixels", expected_boxes=LABEL, expected_boxes_format=PIXELS),
        line("counts", "counting", "<answer>6</answer>", label=6),
        line("birds", "classification", "a gull", label="Herring Gull"),
    ]
    path, folder = tmp_path / "outputs.jsonl", tmp_path / "new"
    path.write_text("\n".join(lines))
    monkeypatch.setattr(sys, "argv", ["score_real_outputs.py", str(path), "--out", str(folder)])
    score_real_outputs.main()
    output = folder / "scored.json"
    found = json.loads(output.read_text())
    groups = found["groups"]
    assert groups["shares"]["ap"] == pytest.approx(1) and groups["shares"]["unsized"] == 1
    assert (groups["counts"]["accuracy"], groups["birds"]["accuracy"]) == (1, 0)
    refused = {name: list(group["refused"]) for name, group in groups.items() if group["refused"]}
    unknown = {name: ["frame unknown"] for name in ("pixels", "unstated", "screens")}
    assert refused == unknown | {"mixed": ["image size unknown"]}
    assert found["unknown_frames"] == {"pixels": 1, UNSTATED: 1}
    assert all(group["parse_rate"] == 1 for group in groups.values())
    assert TEXT not in output.read_text()
