"""Where in a text each of its tokens ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate

Ids = tuple[int, ...]
Decode = Callable[[Ids], str]
_INCOMPLETE = "\ufffd"
"""What a tokenizer writes for a character of which it has seen only some bytes."""


def token_ends(decode: Decode, token_ids: Sequence[int], text: str) -> tuple[int, ...]:
    """Where in ``text``, which ``decode`` gives for all tokens, each of them ends.

    A token that is not written ends where the one before it does; so does each token of a character that
    several write together, but for the last. Empty where the tokens' own texts do not add up to the whole.
    ``decode`` is asked about single tokens again and again, so it should remember them.
    """
    for read in (_alone, _behind_others, partial(_behind_others, far=True)):
        pieces = read(decode, tuple(token_ids))
        if "".join(pieces) == text:
            return tuple(accumulate(map(len, pieces)))
    return ()


def _alone(decode: Decode, ids: Ids) -> list[str]:
    """Each token by itself; only runs of incomplete characters are read together."""
    single = [decode((token,)) for token in ids]
    if not any(_INCOMPLETE in piece for piece in single):
        return single
    pieces: list[str] = []
    while (begin := len(pieces)) < len(ids):
        end = next((i for i in range(begin, len(ids)) if _INCOMPLETE not in single[i]), len(ids))
        pieces += _behind_others(decode, ids[begin:end]) + single[end : end + 1]
    return pieces


def _behind_others(decode: Decode, ids: Ids, far: bool = False) -> list[str]:
    """Each token behind the piece before it, for decoders that treat the first token of a text otherwise;
    behind all before it where ``far``, for decoders that look further back: quadratic time."""
    pieces: list[str] = []
    before = begin = 0
    for end in range(1, len(ids) + 1):
        whole = decode(ids[before:end])
        if whole.endswith(_INCOMPLETE) and end < len(ids):
            pieces.append("")
            continue
        pieces.append(whole[len(decode(ids[before:begin])) :])
        before, begin = 0 if far else begin, end
    return pieces
