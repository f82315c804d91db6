"""How sure a model was of each box: the mean log-probability of the tokens that write its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vrft.models.policy import Policy
from vrft.rollout.shared_prompt.sampling import Sampled
from vrft.types import Answer, Span

_INCOMPLETE = "\ufffd"
"""What a tokenizer writes for a character of which it has seen some bytes only."""


def box_logprobs(policy: Policy, sampled: Sampled, answer: Answer) -> tuple[float | None, ...]:
    """The mean log-probability of each box's tokens.

    A token counts if any of its characters lies within the box's span, from the first of the four numbers to
    the last: the separators between them count, the brackets around them only where one token holds both.

    Args:
        policy: who wrote it.
        sampled: what it wrote, as tokens.
        answer: what a task's parser made of ``policy.decode(sampled.token_ids)``.

    Returns:
        One number of at most 0 a box; None where it is not known where in the text the box stands.

    Raises:
        ValueError: the answer was read from another text.
    """
    spans = answer.box_spans or ((0, 0),) * len(answer.boxes_xyxy_px)
    if not any(begin < end for begin, end in spans):
        return (None,) * len(spans)
    text = policy.decode(sampled.token_ids)
    if text != answer.text:
        raise ValueError(f"the answer was read from {answer.text!r}, and the tokens say {text!r}")
    places = token_spans(policy.decode, sampled.token_ids)
    return tuple(_mean(span, places, sampled.logprobs) for span in spans)


def _mean(span: Span, places: Sequence[Span], logprobs: Sequence[float]) -> float | None:
    # A token without characters overlaps nothing: its begin is not before its end.
    own = [
        logprob
        for (begin, end), logprob in zip(places, logprobs, strict=True)
        if max(begin, span[0]) < min(end, span[1])
    ]
    return sum(own) / len(own) if own else None


def token_spans(decode: Callable[[tuple[int, ...]], str], token_ids: tuple[int, ...]) -> list[Span]:
    """Which characters of the decoded text each token wrote.

    Args:
        decode: a tokenizer's, from ids to text.
        token_ids: of the whole text.

    Returns:
        One span a token, in order and without gaps; empty for a token that is not written. Tokens that write
        one character together all have it.
    """
    pieces = _pieces(decode, token_ids, far=False)
    if "".join(piece for _, piece in pieces) != decode(token_ids):
        pieces = _pieces(decode, token_ids, far=True)
    spans: list[Span] = []
    at = 0
    for count, piece in pieces:
        spans += [(at, at + len(piece))] * count
        at += len(piece)
    return spans


def _pieces(
    decode: Callable[[tuple[int, ...]], str], token_ids: tuple[int, ...], far: bool
) -> list[tuple[int, str]]:
    """The text in pieces, each with its number of tokens; a piece ends where no character is incomplete.

    What a token adds is seen behind the piece before it, since decoders treat the first token of a text in a
    way of their own; behind all tokens before it where ``far``, for decoders that look further back, in
    quadratic time.
    """
    found: list[tuple[int, str]] = []
    before = begin = 0
    for end in range(1, len(token_ids) + 1):
        whole = decode(token_ids[before:end])
        if whole.endswith(_INCOMPLETE) and end < len(token_ids):
            continue
        found.append((end - begin, whole[len(decode(token_ids[before:begin])) :]))
        before, begin = 0 if far else begin, end
    return found
