"""Classification rewards: R_cls = R_acc + R_format (Visual-RFT, Eq. 9)."""

from __future__ import annotations

import re

from vrft.types import Answer, ClassTarget, Target

_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_GAPS = re.compile(r"[\s_-]+")


def exact_match(label: str | None, name: str) -> bool:
    """Whether a written label is a class name, but for case, gaps, quotes around it and a final dot.

    Args:
        label: as written; None or empty matches nothing.
        name: the class name.

    Example:
        >>> exact_match("'Garden_Phlox'.", "garden phlox"), exact_match("phlox", "garden phlox")
        (True, False)
    """
    written = _normal(label or "")
    return bool(written) and written == _normal(name)


def accuracy(answer: Answer, target: Target) -> float:
    """Pay for the right class.

    R_acc = 1 if the predicted class equals the labelled one, else 0 (Visual-RFT, Eq. 9), by
    ``exact_match``.

    Args:
        answer: the parsed answer.
        target: the class.

    Returns:
        0 or 1.

    Example:
        >>> accuracy(Answer(True, True, label="Garden phlox"), ClassTarget("garden phlox"))
        1.0
    """
    assert isinstance(target, ClassTarget)
    return float(answer.parsed and exact_match(answer.label, target.name))


def accuracy_substring(answer: Answer, target: Target) -> float:
    """Pay where either of answer and class contains the other; for comparison with released figures only.

    The rule of the released training and evaluation code, without case, blanks and underscores. Do not
    train on it: 'e', '20' or a list of all classes earns full pay on most pictures. Unlike there, an empty
    answer earns nothing.

    Args:
        answer: the parsed answer.
        target: the class.

    Returns:
        0 or 1.

    Example:
        >>> accuracy_substring(Answer(True, True, label="BMW"), ClassTarget("2012 BMW M3 Coupe"))
        1.0
    """
    assert isinstance(target, ClassTarget)
    written, right = _squeezed(answer.label or ""), _squeezed(target.name)
    return float(answer.parsed and bool(written) and (written in right or right in written))


def _normal(text: str) -> str:
    text = text.strip().removesuffix(".").strip().strip(_QUOTES).strip().removesuffix(".")
    return _GAPS.sub(" ", text.casefold()).strip()


def _squeezed(text: str) -> str:
    return "".join(text.lower().replace("_", "").split())
