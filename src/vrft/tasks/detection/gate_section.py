"""The first question of two, 'is there any?', judged by itself."""

from __future__ import annotations

from statistics import fmean

from vrft.evaluation.judged import Gate, Judged
from vrft.evaluation.scorecard.scored import Json, Scored
from vrft.types import BoxesTarget


def applies(scored: Scored) -> bool:
    """Whether a gate was asked at least once."""
    return any(j.gate is not None for j in scored.plain)


def measure(scored: Scored) -> Json:
    """How well the gate tells presence.

    Returns:
        ``n`` gates asked; ``precision`` and ``recall`` of a clear yes; ``rejection``, the share of the
        questions with nothing there that it closed with a clear no; ``lost``, the share of those with
        something there that it closed; ``unreadable``, the share of its answers with neither yes nor no;
        ``tokens``, its mean answer.
    """
    asked = [(j.gate, _is_there(j)) for j in scored.plain if j.gate is not None]
    return {
        "n": len(asked),
        "precision": _share([there for gate, there in asked if gate.present is True]),
        "recall": _share([gate.present is True for gate, there in asked if there]),
        "rejection": _share([gate.present is False for gate, there in asked if not there]),
        "lost": _share([gate.present is False for gate, there in asked if there]),
        "unreadable": _share([_is_unreadable(gate) for gate, _ in asked]),
        "tokens": fmean(gate.tokens for gate, _ in asked),
    }


def _is_there(judged: Judged) -> bool:
    target = judged.example.target
    return isinstance(target, BoxesTarget) and bool(target.boxes_xyxy_px)


def _is_unreadable(gate: Gate) -> bool:
    return gate.present is None


def _share(flags: list[bool]) -> float | None:
    return fmean(flags) if flags else None
