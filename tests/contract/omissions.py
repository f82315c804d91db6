"""Makes each omission of README.md on a copy of ``examples/custom_task``, and says which tests notice it.

    python tests/contract/omissions.py [NAME ...]

The laws are asked first; only what they let pass is asked of the contract. The exit status is 1 where an
omission passes both, or where the task as it is does not pass.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
CUSTOM = ROOT / "examples" / "custom_task"
LAWS = ("tests/tasks/test_task_laws.py", "tests/tasks/test_task_laws_random.py")
CONTRACT = ("tests/contract/test_contract.py",)
Edit = Callable[[str], str]


def put(old: str, new: str) -> Edit:
    """The source with one text in place of another, which must be there."""

    def edit(source: str) -> str:
        assert old in source, old
        return source.replace(old, new)

    return edit


def drop(pattern: str) -> Edit:
    """The source without what matches, which must be there."""

    def edit(source: str) -> str:
        assert re.search(pattern, source, re.M | re.S), pattern
        return re.sub(pattern, "", source, count=1, flags=re.M | re.S)

    return edit


def add(code: str) -> Edit:
    """The class with further lines."""
    return put("    right_or_wrong = True\n", f"    right_or_wrong = True\n{code}\n")


def value(body: str, kind: str = '    kind: ClassVar[str] = "tally"\n') -> Edit:
    """The answer as a class of its own with a fault in it."""
    head = (
        "from dataclasses import dataclass\nfrom typing import Any, ClassVar\n\n\n"
        "@dataclass(frozen=True, slots=True)\nclass Tally(Number):\n"
        f"{kind}{body}\n\n\ndef exact("
    )

    def edit(source: str) -> str:
        source = put("def exact(", head)(source)
        source = source.replace("answer = Number", "answer = Tally").replace("Number(float(", "Tally(float(")
        return source.replace("-> Number", "-> Tally")

    return edit


PARSES, NUMBER = "return parse_answer(text, example.form, read_number)", 'in_tags(f"{number:.0f}"'
THOUGHT = """f"I count each '{example.question}'.", example.form)"""
FORMAT = " + answer_instructions(self.example_answer, example.form)"
WHOLE_NUMBER = 'Number(float(content)) if re.fullmatch(r"[0-9]{1,6}", content) else None'
FIRST_NUMBER = 'Number(float(re.findall("[0-9]+", content)[0])) if re.search("[0-9]", content) else None'

OMISSIONS: dict[str, Edit] = {
    "no_task": drop(r"^TASK = .*?$"),
    "taken_name": put('name = "count_boxes"', 'name = "detection"'),
    "no_help": put('help = "Count the objects of a category."', 'help = ""'),
    "no_answer_kind": put("answer = Number", "answer = Boxes"),
    "no_needs": drop(r"^    needs = .*?$"),
    "wrong_needs": put('("category", "boxes")})', '("category", "points")})'),
    "no_recommended": put('{"recommended": {', '{"usual": {'),
    "no_metrics": drop(r"^    metrics = \(.*?^    \)$"),
    "wrong_direction": put(", higher_is_better=False", ""),
    "wrong_unit": put('unit="objects", ', ""),
    "metric_of_unread": put("max(right, 1.0) if said is None else abs", "abs"),
    "same_ids": put('id=f"{record.id}#{category}"', "id=record.id"),
    "unstable_ids": put(
        'id=f"{record.id}#{category}"', 'id=f"{len(list(records))}#{list(records).index(record)}#{category}"'
    ),
    "no_group": drop(r"^ *group=category,$"),
    "no_target": drop(r"^ *target=Number.*?$"),
    "wrong_target": put("target=Number(float(count[category]))", "target=Boxes()"),
    "wrong_record": put("record_id=record.id", "record_id=category"),
    "wrong_task": put("task=self.name,", 'task="detection",'),
    "no_media": put("media=record.media", "media=()"),
    "unknown_labels": put("sorted(record.known(categories))", "sorted(categories)"),
    "blind_question": put("'{example.question}' are in", "asked about are in"),
    "question_ignores_form": put(FORMAT, FORMAT.replace("example.form", "Form.THINK")),
    "no_format_in_question": put(FORMAT, ""),
    "gold_ignores_form": put(THOUGHT, THOUGHT.replace("example.form", "Form.DIRECT")),
    "gold_without_tags": put(f"{NUMBER}, {THOUGHT}", 'f"{number:.0f}"'),
    "gold_is_constant": put(NUMBER, 'in_tags("1"'),
    "gold_of_anything": put(
        "number = expect(example.target, Number).number\n        return in_tags",
        'number = getattr(example.target, "number", 0)\n        return in_tags',
    ),
    "parse_ignores_form": put(PARSES, PARSES.replace("example.form", "Form.THINK")),
    "parse_takes_anything": put(WHOLE_NUMBER, FIRST_NUMBER),
    "parse_raises": put(f"        {PARSES}", f'        assert "<answer>" in text\n        {PARSES}'),
    "parse_forgets_text": put(PARSES, f"{PARSES}.__class__(read_number(text))"),
    "parse_looks_at_target": put(
        f"        {PARSES}",
        f"        text = self.gold(example, frames) if example.target else text\n        {PARSES}",
    ),
    "reward_raises": put("return 0.0 if said is None else max(", "return max("),
    "reward_above_range": put("max(0.0, 1 - abs", "2 * max(0.0, 1 - abs"),
    "reward_below_gold": put("max(0.0, 1 - abs", "0.5 * max(0.0, 1 - abs"),
    "reward_for_nothing": put("return 0.0 if said is None", "return 1.0 if said is None"),
    "uneven_similarity": add(
        "\n    def similarity(self, one, other):\n        return float(one.number >= other.number)"
    ),
    "no_success": add("\n    def success(self, answer, target):\n        return False"),
    "no_rules": add("    rules = {}"),
    "no_canonical": add("\n    def canonical(self, value, example):\n        pass"),
    "wrong_pseudo_label": add(
        "\n    def pseudo_label(self, answer, example, min_confidence, classes):\n        return Number(1.0)"
    ),
    "no_ask": add(
        "\n    def ask(self, id, media, question, options=(), form=None):\n"
        "        return Example(id, id, self.name, tuple(media), question, Number(0.0))"
    ),
    "no_audit": drop(r"^    def audit_examples.*?enumerate\(numbers\)\]$"),
    "value_survives_crop": value("    @property\n    def evidence_boxes(self) -> Any:\n        return ()"),
    "value_without_words": value('    def describe(self) -> str:\n        return ""'),
    "value_without_shapes": value("    def shapes(self) -> Any:\n        return ()"),
    "value_without_kind": value("    spoken: Any = None", kind=""),
}  # fmt: skip
"""By name, in the order of README.md."""


def noticed(folder: Path, tests: tuple[str, ...]) -> str:
    """The first test that fails for the task in a folder; empty where all pass."""
    environment = {
        **os.environ,
        "VRFT_TASKS": str(folder),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.M)
    return failed[0].rpartition("::")[2] or failed[0] if failed else done.stdout[-300:] + done.stderr[-300:]


def copied(folder: Path, edit: Edit = lambda source: source) -> Path:
    """A copy of the custom task with an omission."""
    shutil.copytree(CUSTOM, folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "count_boxes.py"
    source = file.read_text("utf-8").replace("import Answer, Boxes,", "import Form, Answer, Boxes,")
    file.write_text(edit(source), "utf-8")
    return folder


def listed() -> list[str]:
    """The names that README.md has."""
    text = (Path(__file__).parent / "README.md").read_text("utf-8")
    return re.findall(r"^\| ([a-z_]+)(?::[^|]*)? \|", text, re.M)[1:]


def main(names: list[str]) -> int:
    """Try the omissions of some names, or all."""
    assert listed() == list(OMISSIONS), set(listed()) ^ set(OMISSIONS)
    missed = []
    with tempfile.TemporaryDirectory() as place:
        whole = copied(Path(place) / "whole")
        if problem := noticed(whole, LAWS) or noticed(whole, CONTRACT):
            print(f"the task as it is fails: {problem}")
            return 1
        for name in names or OMISSIONS:
            folder = copied(Path(place) / name, OMISSIONS[name])
            law = noticed(folder, LAWS)
            by = f"law       {law}" if law else ""
            if not law:
                contract = noticed(folder, CONTRACT)
                by = f"contract  {contract}" if contract else "NOBODY"
            missed += [name] if by == "NOBODY" else []
            print(f"{name:24} {by}", flush=True)
    print(
        f"{len(names or OMISSIONS) - len(missed)} of {len(names or OMISSIONS)} are noticed. Missed: {missed}"
    )
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
