"""Real outputs of models, all of a collection: `python benchmarks/parse_real_outputs.py PATH [--save]`.

PATH is a file with one JSON object per line: ``id``, ``family``, ``task``, ``text``, and where known
``number_groups``, the bracketed groups of four numbers that another program found. Rows that no careful
reader can answer, and rows that the parser is known to fail on, are judged one by one in
``tests/data/judged_outputs.json``; any other row that gives nothing counts as a failure. The result
has ids and causes, no texts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from result_file import ROOT, facts, result_parser, write_result

from vrft.tasks.parsing.answer_parsers import parse_label_answer
from vrft.tasks.parsing.content_reading import read_answer
from vrft.types import Form

JUDGED = ROOT / "tests" / "data" / "judged_outputs.json"
RESULT = ROOT / "results" / "parsing" / "real_outputs.json"
NAMING_TASKS = frozenset({"classification", "counting"})
COMMAND = "python benchmarks/parse_real_outputs.py PATH"
MUST = 0.99
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def numbers_read(row: dict[str, Any]) -> tuple[bool, set[tuple[float, ...]], set[float]]:
    """Whether a row gives an answer, the boxes that are read, and every number that is read."""
    if row["task"] in NAMING_TASKS:
        return parse_label_answer(row["text"], Form.THINK).parsed, set(), set()
    raw = read_answer(row["text"])
    boxes = {tuple(box.numbers) for box in raw.boxes}
    numbers = {n for box in boxes for n in box} | {n for point in raw.points for n in point.numbers}
    numbers |= {box.confidence for box in raw.boxes if box.confidence is not None}
    return bool(boxes or raw.points) or raw.abstained, boxes, numbers


def measure(rows: list[dict[str, Any]], judged: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    """The share of answerable rows that parse, and everything that does not, by cause."""
    unanswerable = {name for names in judged["unanswerable"].values() for name in names}
    known = {name for names in judged["failures"].values() for name in names}
    by_family: dict[str, Counter[str]] = {}
    unjudged, invented, missed = [], [], []
    for row in rows:
        answers, boxes, numbers = numbers_read(row)
        written = {float(number) for number in NUMBER.findall(row["text"].lower())}
        if numbers - written - {-number for number in written}:
            invented.append(row["id"])
        fails = row["id"] in known or (not answers and row["id"] not in unanswerable)
        if fails and row["id"] not in known:
            unjudged.append(row["id"])
        if {tuple(map(float, group)) for group in row.get("number_groups", [])} - boxes:
            missed.append(row["id"])
        count = by_family.setdefault(row["family"], Counter(rows=0, answerable=0, parsed=0))
        count["rows"] += 1
        count["answerable"] += row["id"] not in unanswerable
        count["parsed"] += row["id"] not in unanswerable and not fails
    total = sum(by_family.values(), Counter())
    ids = {row["id"] for row in rows}
    return {
        "rows": total["rows"],
        "answerable": total["answerable"],
        "parsed": total["parsed"],
        "share": round(total["parsed"] / max(total["answerable"], 1), 4),
        "numbers_that_do_not_stand_in_the_text": invented,
        "groups_of_four_numbers_not_read": missed,
        "failures": {cause: [i for i in names if i in ids] for cause, names in judged["failures"].items()},
        "failures_not_judged": unjudged,
        "unanswerable": {
            cause: [i for i in names if i in ids] for cause, names in judged["unanswerable"].items()
        },
        "by_family": {name: dict(count) for name, count in sorted(by_family.items())},
    }


def main() -> int:
    """Measure and print the share; 1 where the share is too low or a number was invented."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("path", type=Path, help="the collection, one JSON object per line")
    arguments = parser.parse_args()
    raw = arguments.path.read_bytes()
    rows = [json.loads(line) for line in raw.decode("utf-8").splitlines() if line.strip()]
    found = measure(rows, json.loads(JUDGED.read_text("utf-8")))
    found["collection_sha256"] = hashlib.sha256(raw).hexdigest()
    write_result(arguments, RESULT, found | facts() | {"command": COMMAND})
    print(f"{found['parsed']} of {found['answerable']} answerable rows parse: {found['share']:.2%}")
    return int(found["share"] < MUST or bool(found["numbers_that_do_not_stand_in_the_text"]))


if __name__ == "__main__":
    raise SystemExit(main())
