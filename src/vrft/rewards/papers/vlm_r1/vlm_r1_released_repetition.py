"""VLM-R1's penalty of repetitions as its code gives it (``grpo_jsonl.py``), with its hole: a list is judged
by its boxes alone, so that any loop around it is free. ``vrft.rewards.text_rewards`` has it without.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from vrft.types import Answer, Value

WORDS = 6
_LISTS = (re.compile(r"```json(.*?)```", re.DOTALL), re.compile(r"```(.*?)```", re.DOTALL))
_BARE = re.compile(r'\[\s*\{.*?"bbox_2d".*?"label".*?\}\s*\]', re.DOTALL)


def repetition_text(text: str) -> float:
    """Minus the share of repetitions, in [-1, 0]: of equal boxes of equal name in the first list of the text,
    or of groups of six words in a text without a list.

    (The code repairs JSON that is broken; here such a list is text.)

    Raises:
        TypeError: an item of the list is a number.

    Example:
        >>> box = '{"bbox_2d": [1, 1, 9, 9], "label": "cup"}'
        >>> repetition_text(f"```json\\n[{box}, {box}]\\n```"), repetition_text("to and fro " * 3)
        (-0.5, -0.25)
    """
    found = _list(text)
    if found:
        named = [one for one in found if "bbox_2d" in one and "label" in one]
        return -_repeated([f"{one['bbox_2d']}_{one['label']}" for one in named])
    words = text.lower().split()
    return -_repeated([tuple(words[start : start + WORDS]) for start in range(len(words) - WORDS + 1)])


def repetition_term(answer: Answer, target: Value | None) -> float:
    """VLM-R1's penalty of repetitions, from -1 to 0."""
    return repetition_text(answer.text)


def _list(text: str) -> list[Any]:
    fences = [found[1].strip() for fence in _LISTS if (found := fence.search(text))]
    bare = _BARE.search(text) if not fences else None
    written = fences[0] if fences else bare[0] if bare else ""
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def _repeated(things: Sequence[object]) -> float:
    return 1 - len(set(things)) / len(things) if things else 0.0
