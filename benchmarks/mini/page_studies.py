"""Sections of the page about the studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mini.attempt_tables import attempts_sentence
from mini.files import Groups
from mini.study_tables import TABLES, Points, catching_up

STUDIES = {
    "twin": "How much of the gap is the twin's tuning?",
    "data": "How many pictures does SFT need?",
    "size": "Miniatures of different width",
    "difficulty": "Hard, middling and easy pictures",
    "sensitivity": "Group size, beta and learning rate",
    "attempts": "Attempts: one change of RFT at a time",
}
"""Titles by name, in the page's order."""
ABOUT = {
    "twin": "*SFT as described* is what the paper's authors told readers of their code: LoRA, 200 steps of "
    "which 100 warm up, against RFT of all weights. Its rank of 8, its rate of 1e-04 and its cosine are our "
    "guess: the examples of the tool that they named. It is taught and asked direct answers, and nothing is "
    "chosen on validation. It is no twin: it is here to tell what a weak one would have shown.",
    "attempts": "Scored on questions about pictures of the training part that nothing learns from, on seeds "
    "that are in no table; held-out answers decide nothing here either. An attempt has one rate, 5e-05, "
    "where it names no other; the twin has all its rates and forms and is chosen on validation. *Twin with "
    "it*: supervised fine-tuning in RFT's form with the same change.",
}

SENTENCES: Mapping[str, Callable[[Points, Groups], list[str]]] = {
    "data": catching_up,
    "attempts": lambda points, groups: [attempts_sentence(points)],
}
"""What a table says, in words."""


def study_section(
    name: str, points: Sequence[Mapping[str, Any]], groups: Groups, plots: Mapping[str, str]
) -> str:
    """One study.

    Args:
        name: a key of ``STUDIES``.
        points: that are there.
        groups: cells of the main table.
        plots: paths of plots by name.
    """
    title, command = STUDIES[name], f"`python benchmarks/mini.py --study {name}`"
    if not points:
        return section(title, f"Not run yet: {command}.")
    about = [f"{command}; {len(points)} points.", ABOUT.get(name, "")]
    extra = SENTENCES[name](points, groups) if name in SENTENCES else []
    figures = [f"![{title}]({plots[name]})"] if name in plots else []
    return section(title, *about, TABLES[name](points, groups), *extra, *figures)


def section(title: str, *parts: str) -> str:
    """A heading and what is under it; empty parts are left out."""
    return "\n\n".join([f"## {title}", *(part for part in parts if part)])
