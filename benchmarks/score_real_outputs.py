"""Real outputs of models, scored where their labels allow it: `python benchmarks/score_real_outputs.py PATH`.

PATH is the collection of `parse_real_outputs.py`. Next to ``id``, ``family``, ``task`` and ``text`` its rows
have, where known, ``coords`` (how the text writes coordinates), ``expected_boxes`` with
``expected_boxes_format``, ``label`` and ``image``; no row has an image's size. Only the words below name a
frame; 'pixels' does not, because nobody says of which image, nor does '0-999'. The result has counts, shares
and ids, no texts.

Asking for a place in a screenshot is grounding; a count is scored as a name. Several answers to one question,
and questions without a category, are in the collection: its AP is one ranking of all boxes, and its intervals
are too narrow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from result_file import ROOT, facts, result_parser, write_result

from vrft.evaluation.external import read_external, score_external

COMMAND = "python benchmarks/score_real_outputs.py PATH"
RESULT = ROOT / "results" / "parsing" / "scored.json"
FRAMES = {"0-1000": "norm1000"}
LABEL_FRAMES = {
    "xyxy pixels of the original image": "file_pixels",
    "xyxy 0-1000": "norm1000",
    "xyxy 0-1000 (the solution of the training row)": "norm1000",
}
TASKS = {
    "classification": "classification",
    "counting": "classification",
    "detection": "detection",
    "gui": "grounding",
    "point": "detection",
    "rec": "grounding",
    "reasoning_grounding": "grounding",
}


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The collection as rows of ``vrft.evaluation.external.ExternalRow``, each with its family."""
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            entry = json.loads(line)
            coords, written = entry.get("coords"), entry.get("expected_boxes_format", "not stated")
            yield {
                "id": entry["id"],
                "family": entry["family"],
                "task": TASKS[entry["task"]],
                "text": entry["text"],
                "image": entry.get("image"),
                "frame": FRAMES.get(coords, coords),
                "target": {
                    "boxes": entry.get("expected_boxes"),
                    "frame": LABEL_FRAMES.get(written, written) if "expected_boxes" in entry else None,
                    "name": entry.get("label"),
                },
            }


def main() -> None:
    """Score and print the figures."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("path", type=Path, help="the collection, one JSON object in each line")
    arguments = parser.parse_args()
    found = score_external(read_external(arguments.path, rows), by="family")
    print(f"{found['n']} texts, {found['parse_rate']:.1%} hold an answer, {found['scored']} could be scored")
    for name, part in {**found["tasks"], **found["groups"]}.items():
        values = part.get("metrics", part)
        measured = {key: round(values[key], 4) for key in ("ap", "mean_iou", "accuracy") if values.get(key)}
        print(f"{name}: {part['n']} texts, {part['scored']} scored {measured}, refused {part['refused']}")
    found["collection_sha256"] = hashlib.sha256(arguments.path.read_bytes()).hexdigest()
    write_result(arguments, RESULT, found | facts() | {"command": COMMAND})


if __name__ == "__main__":
    main()
