"""The form that projects after DeepSeek-R1 ask for."""

from __future__ import annotations

import re

_FORM = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)


def has_form(text: str) -> bool:
    """Whether a text runs from <think> to </answer> with both parts; tags may repeat, parts may be empty.

    Example:
        >>> has_form("<think></think> <answer>7</answer>"), has_form("So: <think></think><answer>7</answer>")
        (True, False)
    """
    return _FORM.fullmatch(text) is not None
