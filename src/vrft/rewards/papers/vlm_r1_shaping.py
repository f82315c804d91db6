"""VLM-R1's rewards of repetition and of length as its code gives them (github.com/om-ai-lab/VLM-R1, commit
90052f478646, ``grpo_jsonl.py``), holes included.

``vrft.rewards.text_rewards`` has both without the holes. These are: a list is judged by its boxes alone, so
that any loop around it is free; the schedule of length takes every answer for right, and rises again beyond
its end, so that an answer of twice that length has as much as an empty one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from vrft.rewards.text_rewards import RIGHT_LONG, RIGHT_SHORT, length_of
from vrft.types import Answer, Value

WORDS = 6
LONGEST = 1024
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


def cosine_of(length: float, longest: int = LONGEST) -> float:
    """0.75 + 0.25 cos(pi L / L_max), in [0.5, 1], for a right answer and for a wrong one.

    Example:
        >>> cosine_of(0), cosine_of(512), cosine_of(1024), cosine_of(2048)
        (1.0, 0.75, 0.5, 1.0)
    """
    return RIGHT_LONG + (RIGHT_SHORT - RIGHT_LONG) * (1 + math.cos(math.pi * length / longest)) / 2


def repetition_term(answer: Answer, target: Value | None) -> float:
    """VLM-R1's penalty of repetitions, from -1 to 0."""
    return repetition_text(answer.text)


def cosine_term(answer: Answer, target: Value | None, longest: int = LONGEST) -> float:
    """VLM-R1's cosine of the length, whatever the answer says."""
    return cosine_of(length_of(answer), longest)


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
