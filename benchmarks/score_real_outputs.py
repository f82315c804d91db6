"""Real outputs of models, scored where their labels allow it: `python benchmarks/score_real_outputs.py PATH`.

PATH is the collection of `parse_real_outputs.py`. Beside ``id``, ``family``, ``task`` and ``text`` its rows
have, where known, ``coords`` (how the text writes coordinates), ``expected_boxes`` with
``expected_boxes_format``, ``label`` and ``image``; no row has a picture's size. Only the words below name a
frame; 'pixels' does not, because nobody says of which picture, nor does '0-999'. The result goes to
``results/parsing/scored.json``: counts, shares and ids, no texts.

Asking for a place in a screenshot is grounding; a count is scored as a name. Several answers to one question,
and questions without a category, are in the collection: its AP is one ranking of all boxes, and its intervals
are too narrow.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from rich.console import Console

from vrft.commands.stored import print_predictions
from vrft.evaluation.external.read_predictions import read_predictions
from vrft.evaluation.external.score_predictions import score_stored
from vrft.run_folder import hardware, versions, write_json

RESULT = Path(__file__).resolve().parents[1] / "results" / "parsing" / "scored.json"
FIELDS = {
    "frame": "coords",
    "record_id": "image",
    "target.boxes_xyxy": "expected_boxes",
    "target.frame": "expected_boxes_format",
    "target.name": "label",
}
VALUES = {
    "frame": {"0-1000": "thousand"},
    "target.frame": {
        "xyxy pixels of the original image": "pixels",
        "xyxy 0-1000": "thousand",
        "xyxy 0-1000 (the solution of the training row)": "thousand",
    },
    "task": {
        "classification": "classification",
        "counting": "classification",
        "detection": "detection",
        "gui": "grounding",
        "point": "detection",
        "rec": "grounding",
        "reasoning_grounding": "grounding",
    },
}


def main() -> None:
    """Score, print the tables, write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="the collection, one JSON object a line")
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    found = score_stored(read_predictions(arguments.path, FIELDS, values=VALUES), by="family")
    print_predictions({"files": {arguments.path.name: found}}, Console(highlight=False))
    found["command"] = "python benchmarks/score_real_outputs.py PATH"
    found["collection_sha256"] = hashlib.sha256(arguments.path.read_bytes()).hexdigest()
    found |= {"hardware": hardware(), "versions": versions()}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    write_json(arguments.output, found)


if __name__ == "__main__":
    main()
