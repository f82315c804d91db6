"""How well a text was read, as rewards and as metrics: edit distance, shared words, error rates.

Both texts are folded alike, once (``vrft.types.names.plain_text``): full and half width, ligatures of f, runs
of whitespace, how accents are composed; and capitals where the label says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from vrft.rewards import text_measures
from vrft.rewards.text_measures import edit_distance, words_of
from vrft.tasks.metrics.metric import Metric, Prepare, mean_reward, ratio_of_sums, target_of
from vrft.types import Answer, Prediction, Text, Value, expect
from vrft.types.names import plain_text


def folded(text: Text, ignore_case: bool) -> list[str]:
    """What is right, each folded."""
    return [plain_text(one, ignore_case) for one in text.right]


def likeness(one: Text, other: Text, measure: Callable[[str, str], float]) -> float:
    """The best value of a measure over all that is right in both, capitals aside where either says so."""
    ignore = one.ignore_case or other.ignore_case
    return max(measure(a, b) for a in folded(one, ignore) for b in folded(other, ignore))


def edit(answer: Answer, target: Value) -> float:
    """1 - d / max(len) of answer and label, d their edit distance in characters, in [0, 1].

    A text of the same language that has nothing to do with the label has about 0.2. An answer that nothing is
    written is right where that is so, and has 0 elsewhere.

    Example:
        >>> edit(Answer(Text("TOTAL 42,50"), True), Text("TOTAL  42.50"))
        0.9090909090909091
    """
    said = answer.as_(Text)
    return 0.0 if said is None else likeness(said, expect(target, Text), text_measures.edit_similarity)


def anls(answer: Answer, target: Value) -> float:
    """``edit`` where it is above one half, else 0 (ANLS, arXiv 1907.00490): nothing for an unrelated text."""
    value = edit(answer, target)
    return value if value > text_measures.HALF else 0.0


def f1(answer: Answer, target: Value) -> float:
    """F1 of the words in common, each as often as in both, in [0, 1], whatever their order.

    A word is what whitespace parts, with its punctuation; of Chinese and Japanese every sign is one.

    Example:
        >>> f1(Answer(Text("OPEN 24 HOURS DAILY"), True), Text("OPEN 24 HOURS"))
        0.8571428571428571
    """
    said = answer.as_(Text)
    return 0.0 if said is None else likeness(said, expect(target, Text), _shared)


def _shared(one: str, other: str) -> float:
    return text_measures.word_f1(words_of(one), words_of(other))


def exact(answer: Answer, target: Value) -> float:
    """Whether both are the same, 0 or 1."""
    return float(edit(answer, target) == 1.0)


def recall(answer: Answer, target: Value) -> float:
    """The share of the right words that the answer has, in [0, 1], whatever it says besides.

    For use next to a term that long answers cost: alone it is full for any text that holds all words.

    Example:
        >>> recall(Answer(Text("we OPEN 24 HOURS a day"), True), Text("OPEN 24 HOURS"))
        1.0
    """
    said = answer.as_(Text)
    return 0.0 if said is None else likeness(said, expect(target, Text), _found)


def _found(one: str, other: str) -> float:
    wanted, words = Counter(words_of(other)), Counter(words_of(one))
    return sum((wanted & words).values()) / wanted.total() if wanted else float(not words)


def contains(answer: Answer, target: Value) -> float:
    """Whether the right text is somewhere in the answer, 0 or 1; for comparison with released figures only.

    Example:
        >>> contains(Answer(Text("It says EXIT."), True), Text("EXIT"))
        1.0
    """
    said = answer.as_(Text)
    return 0.0 if said is None else likeness(said, expect(target, Text), _holds)


def _holds(one: str, other: str) -> float:
    return float(other in one if other else not one)


def _rate(parts: Callable[[str], Sequence[str]]) -> Prepare:
    """Edits over the length of all labels together, so that an empty label has its share too; an answer that
    could not be read has missed all."""

    def counts(one: Prediction) -> tuple[int, int]:
        target, said = target_of(one.example, Text), one.answer.as_(Text)
        ignore = target.ignore_case
        written = parts("" if said is None else plain_text(said.text, ignore))
        found = [(edit_distance(written, gold), len(gold)) for gold in map(parts, folded(target, ignore))]
        return min(found)

    return ratio_of_sums(counts, of_nothing=0.0)


METRICS = (
    Metric("edit_similarity", "edit similarity", mean_reward(edit, Text)),
    Metric("word_f1", "F1 of words", mean_reward(f1, Text)),
    Metric("exact", "exact text", mean_reward(exact, Text)),
    Metric("cer", "CER", _rate(list), unit="edits per character", higher_is_better=False),
    Metric("wer", "WER", _rate(words_of), unit="edits per word", higher_is_better=False),
)
