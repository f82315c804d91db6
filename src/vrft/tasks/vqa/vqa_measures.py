"""What a right answer is, as rewards and as metrics: exact, ANLS, shared words."""

from __future__ import annotations

from vrft.rewards import text_measures
from vrft.rewards.text_measures import word_f1, words_of
from vrft.tasks.metrics.metric import Metric, mean_reward
from vrft.tasks.parsing.short_answers import is_right, plain_answer
from vrft.types import Answer, Text, Value, expect
from vrft.types.names import plain_name, plain_text


def says(said: Text, target: Text) -> bool:
    """Whether an answer says what a label says: the same choice, all right ones of several and no other, or a
    right answer (``is_right``)."""
    if not target.choices:
        return any(is_right(said.text, one, target.tolerance) for one in target.right)
    offered = dict(target.choices)
    if target.several:
        taken, wanted = ({plain_name(offered.get(x, x)) for x in one.letters} for one in (said, target))
        return said.several and taken == wanted
    chosen = said.chosen or offered.get(said.text, said.text)
    return plain_name(chosen) in {plain_name(offered.get(letter, letter)) for letter in target.right}


def accuracy(answer: Answer, target: Value) -> float:
    """Whether the answer is right, 0 or 1: Visual-RFT's Eq. 9, with several right answers any of them.

    Example:
        >>> accuracy(Answer(Text("the Eiffel tower"), True), Text("tour Eiffel", ("Eiffel Tower",)))
        1.0
    """
    said = answer.as_(Text)
    return float(said is not None and says(said, expect(target, Text)))


def anls(answer: Answer, target: Value) -> float:
    """ANLS of the answer and the nearest right one, in [0, 1] (``vrft.rewards.text_measures.anls``).

    Case, width and runs of whitespace make no difference, and lengths are those of what is left. A choice is
    right or wrong. Of numbers it is no measure: '2018' has 0.75 where '2019' is right.

    Example:
        >>> anls(Answer(Text("Smyth  & sons"), True), Text("Smith & Sons"))
        0.9166666666666666
    """
    said, wanted = answer.as_(Text), expect(target, Text)
    if said is None or said.is_empty:
        return 0.0
    if wanted.choices:
        return accuracy(answer, target)
    return text_measures.anls(plain_text(said.text, True), [plain_text(one, True) for one in wanted.right])


def f1(answer: Answer, target: Value) -> float:
    """F1 of the words shared with the nearest right answer, in [0, 1] (``text_measures.word_f1``).

    Words are those of ``plain_answer``; a choice is right or wrong. Half of the words of a wrong answer may
    be those of the right one: for answers of several words, beside another reward.
    """
    said, wanted = answer.as_(Text), expect(target, Text)
    if said is None or said.is_empty:
        return 0.0
    if wanted.choices:
        return accuracy(answer, target)
    words = words_of(plain_answer(said.text))
    return max(word_f1(words, words_of(plain_answer(one))) for one in wanted.right)


def agreement(answer: Answer, target: Value) -> float:
    """VQA accuracy: how many of the ten people who were asked agree, three being enough, in [0, 1].

    min(n / 3, 1) with n of the others, mean over leaving each person out (Antol et al. 2015, arXiv
    1505.00468, and its evaluation code); of fewer than four answers it is ``accuracy``.

    Example:
        >>> people = ("red",) * 2 + ("maroon",) * 8
        >>> agreement(Answer(Text("red"), True), Text("maroon", people))
        0.6
    """
    said, wanted = answer.as_(Text), expect(target, Text)
    if said is None or len(wanted.accepted) < 4 or wanted.choices:
        return accuracy(answer, target)
    same = [is_right(said.text, one, wanted.tolerance) for one in wanted.accepted]
    return sum(min((sum(same) - own) / 3, 1.0) for own in same) / len(same)


METRICS = (
    Metric("accuracy", "accuracy", mean_reward(accuracy, Text)),
    Metric("anls", "ANLS", mean_reward(anls, Text)),
    Metric("word_f1", "F1 of words", mean_reward(f1, Text)),
    Metric("vqa_accuracy", "VQA accuracy", mean_reward(agreement, Text)),
)
