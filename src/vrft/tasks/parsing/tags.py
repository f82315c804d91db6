"""The outer form of an answer: where the thought ends, where the answer is, what is wrong with the tags.

Everything here is ``str.find``, ``str.rfind`` and ``str.count``, and one bounded pattern for misspelt tags:
linear, whatever the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vrft.types import Fault, Form

END_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<|eom_id|>"),
    *("<|return|>", "<end_of_turn>", "<end_of_utterance>", "</s>", "<eos>"),
)
"""What the tokenizers of the usual families write where a model stopped: nothing after it is its answer."""
_END = re.compile("|".join(map(re.escape, END_TOKENS)))
THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
ANSWER_OPEN, ANSWER_CLOSE = "<answer>", "</answer>"
TAGS = (THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE)
PLACEHOLDER = " \t\r\n.…"
"""A thought of these characters alone copies the prompt's ``<think> ... </think>``."""
MISSPELT_MAX_CHARS = 30_000
"""In longer texts only tags as demanded are seen."""
_MISSPELT = re.compile(r"<\s{0,3}(/?)\s{0,3}(think|answer)\s{0,3}>", re.IGNORECASE)
_NO_WORDS = " \t\r\n<`"
_FINAL = re.compile(r"\bfinal answer\W{0,6}:", re.IGNORECASE)


@dataclass(frozen=True)
class Sections:
    """An answer's text taken apart."""

    content: str
    """What to read as the answer, trimmed."""
    thinking: str
    """The thought, trimmed."""
    faults: tuple[Fault, ...]
    """What was wrong with the tags; none where the text has exactly the demanded form."""
    around: str = field(default="", repr=False)
    """What is before and after the answer and its thoughts."""
    start: int | None = field(default=None, repr=False)
    """Where in the text the content begins; None where it is not there in one piece."""


def split_tags(text: str, form: Form) -> Sections:
    """Take a model's text apart into thought and answer, reporting every deviation from the demanded form.

    The content is that of the last complete answer tag; without one, what follows an unclosed answer tag;
    without that, what follows the last ``</think>``, or the whole text. A thought that was never closed is
    not an answer, nor is one with nothing after it, but for what it calls its final answer. Where no answer
    tag is spelt as demanded, ``<Answer>`` and ``< answer >`` are taken for it.

    Example:
        >>> split_tags("<think> Petals. </think> <answer>rose</answer>", Form.THINK)
        Sections(content='rose', thinking='Petals.', faults=())
        >>> split_tags("It is a rose", Form.DIRECT).faults
        (<Fault.NO_ANSWER_TAG: 'no_answer_tag'>,)
    """
    indent = len(text) - len(text.lstrip())
    text = strip_end_tokens(text)
    misspelt, tagged = False, "<" in text
    if tagged and ANSWER_OPEN not in text and len(text) <= MISSPELT_MAX_CHARS:
        spelt = _MISSPELT.sub(_respelt, text)
        misspelt = ANSWER_OPEN in spelt
        text = spelt if misspelt else text
    answer = _last_answer(text)
    thought = _thought(text, len(text) if answer is None else answer[0])
    thinking = text[thought[0] + len(THINK_OPEN) : thought[1] - len(THINK_CLOSE)].strip() if thought else ""
    faults = [Fault.NO_ANSWER_TAG] if misspelt else []
    if form is Form.THINK and not thinking.strip(PLACEHOLDER):
        faults.append(Fault.NO_THINK)
    if tagged and any(text.count(tag) > 1 for tag in TAGS):
        faults.append(Fault.REPEATED_TAG)
    if answer is None:
        content, start, tail_faults = _untagged(text)
        faults = [*dict.fromkeys((*faults, *tail_faults))]
        around = text[: thought[0]].strip() if thought else ""
        thinking = thinking if thought else _unclosed_thought(text)
        return Sections(content, thinking, tuple(faults), around, None if start < 0 else indent + start)
    around = ""
    if _outside(text, answer, thought, form):
        faults.append(Fault.OUTSIDE_TAGS)
        around = _around(text, answer)
    content = text[answer[0] + len(ANSWER_OPEN) : answer[1] - len(ANSWER_CLOSE)].strip()
    start = text.index(content, answer[0] + len(ANSWER_OPEN))
    return Sections(content, thinking, tuple(faults), around, indent + start)


def thought_span(text: str) -> tuple[int, int, int] | None:
    """Where a thought begins and ends, without its tags, and where the answer's content begins; None where a
    tag is missing.

    Example:
        >>> text = "<think> Petals. </think> <answer>rose</answer>"
        >>> begin, end, content = thought_span(text)
        >>> text[begin:end], text[end:content]
        (' Petals. ', '</think> <answer>')
    """
    places = [0]
    for tag in (THINK_OPEN, THINK_CLOSE, ANSWER_OPEN):
        found = text.find(tag, places[-1])
        if found < 0:
            return None
        places.append(found + len(tag))
    _, begin, closed, content = places
    return begin, closed - len(THINK_CLOSE), content


def _respelt(tag: re.Match[str]) -> str:
    """A tag as demanded, with blanks outside of it for what it is shorter, so that nothing else moves."""
    spelt, width = f"<{tag[1]}{tag[2].lower()}>", len(tag[0])
    return spelt.ljust(width) if tag[1] else spelt.rjust(width)


def strip_end_tokens(text: str) -> str:
    """The text up to the first end token, without blanks at its ends."""
    end = _END.search(text) if "<" in text else None
    return (text[: end.start()] if end else text).strip()


def _last_answer(text: str) -> tuple[int, int] | None:
    """Start and end of the last complete answer with its tags."""
    start = text.rfind(ANSWER_OPEN, 0, max(text.rfind(ANSWER_CLOSE), 0))
    return None if start < 0 else (start, text.find(ANSWER_CLOSE, start) + len(ANSWER_CLOSE))


def _thought(text: str, before: int) -> tuple[int, int] | None:
    """Start and end of the first complete thought, tags included, that ends before an index."""
    start = text.find(THINK_OPEN, 0, before)
    close = text.find(THINK_CLOSE, start, before) if start >= 0 else -1
    return None if close < 0 else (start, close + len(THINK_CLOSE))


def _outside(text: str, answer: tuple[int, int], thought: tuple[int, int] | None, form: Form) -> bool:
    """Whether there are words besides the parts that the form demands."""
    if form is Form.DIRECT:
        thinks = THINK_OPEN in text or THINK_CLOSE in text
        return thinks or bool(text[: answer[0]].strip() or text[answer[1] :].strip())
    start, end = thought or (0, 0)
    return bool(text[:start].strip() or text[end : answer[0]].strip() or text[answer[1] :].strip())


def _around(text: str, answer: tuple[int, int]) -> str:
    """The text before and after an answer, without thoughts, closed or not."""
    before, after = text[: answer[0]], text[answer[1] :]
    head, opened, _ = before.partition(THINK_OPEN)
    _, closed, tail = before.rpartition(THINK_CLOSE)
    parts = (head if opened or not closed else "", tail if closed else "", after)
    return "\n".join(part.partition(THINK_OPEN)[0] for part in parts).strip()


def _untagged(text: str) -> tuple[str, int, tuple[Fault, ...]]:
    """What may be read as the answer where no answer tag is complete, where that begins, and the faults.

    It begins at -1 where it is put together of several pieces.
    """
    close = text.rfind(THINK_CLOSE)
    begin = 0 if close < 0 else close + len(THINK_CLOSE)
    rest = text[begin:]
    start = rest.rfind(ANSWER_OPEN)
    if start >= 0:
        content = rest[start + len(ANSWER_OPEN) :].strip()
        opened = begin + start + len(ANSWER_OPEN)
        return content, text.find(content, opened), (Fault.NO_ANSWER_TAG, Fault.TRUNCATED)
    rest, thought, unclosed = rest.partition(THINK_OPEN)
    cut = (Fault.TRUNCATED,) if thought else ()
    content = rest.replace(ANSWER_CLOSE, " ").strip()  # no number is made of two
    if not content.strip(_NO_WORDS):
        said = _final_answer(unclosed if thought else text[: max(close, 0)])
        content, begin = said or content, text.rfind(said) if said else begin
    return content, text.find(content, begin), (Fault.NO_ANSWER_TAG, *cut)


def _final_answer(thought: str) -> str:
    """What follows the last 'Final answer:' of a thought; nothing in long texts."""
    found = list(_FINAL.finditer(thought)) if len(thought) <= MISSPELT_MAX_CHARS else []
    return thought[found[-1].end() :].strip() if found else ""


def _unclosed_thought(text: str) -> str:
    """The thought of a text that was cut while thinking."""
    return text.partition(THINK_OPEN)[2].strip()
