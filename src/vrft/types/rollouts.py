"""Prompts, completions and rollouts: what was shown, what was said to it, and its reward.

A rollout is one trajectory of one or several turns. The tokens of a prompt are never trained on, those of a
completion are: turn by turn that is the action mask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from vrft.types.answers import Answer, Span
from vrft.types.examples import Example
from vrft.types.frames import CoordinateFrame
from vrft.types.media import Medium

FinishReason = Literal["stop", "length", "cancelled"]
PLAIN = "plain"
"""The view of media as they are."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation: texts and media in the order in which they are shown."""

    role: Literal["system", "user", "assistant", "tool"]
    content: tuple[str | Medium, ...]


@dataclass(frozen=True)
class Prompt:
    """A conversation as one model sees it; holds no tensors and no policy, so that any process can pass it
    on.

    Args:
        messages: empty where it was read from disk.
        token_ids: with one placeholder for each image token; empty where it was read from disk.
        frames: how places are written, one for each medium, in order.
        n_tokens: the prompt's length; None takes ``token_ids``'.
    """

    messages: tuple[Message, ...] = ()
    token_ids: tuple[int, ...] = ()
    frames: tuple[CoordinateFrame, ...] = ()
    n_tokens: int | None = None

    @property
    def media(self) -> tuple[Medium, ...]:
        """Everything that is shown, in order."""
        return tuple(
            part for message in self.messages for part in message.content if isinstance(part, Medium)
        )

    @property
    def length(self) -> int | None:
        """Its tokens; None where they are not known."""
        return len(self.token_ids) if self.token_ids else self.n_tokens

    @property
    def begun(self) -> str:
        """What it holds of the answer already: shown, and not trained on."""
        own = takewhile(lambda message: message.role == "assistant", reversed(self.messages))
        return "".join(str(part) for message in reversed([*own]) for part in message.content)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How answers are drawn: one type for training, probe, evaluation and prediction.

    Args:
        temperature: 0 is greedy.
        top_p: share of probability mass kept, in (0, 1].
        top_k: most likely tokens kept; 0 keeps all.
        max_new_tokens: length limit of a completion.
        min_new_tokens: no end token is drawn before.
        stop: texts at which a completion ends, where the sampler knows them.
        untempered: log-probabilities are those at temperature 1, comparable between temperatures, as a best
            of N needs them; for a gradient they are those of the drawing.
        digits: keep ``Completion.digits``.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 256
    min_new_tokens: int = 0
    stop: tuple[str, ...] = ()
    untempered: bool = False
    digits: bool = False


GREEDY = SamplingParams(temperature=0.0)


@dataclass(frozen=True, slots=True)
class SampleSeed:
    """Where chance comes from: a seed, and each prompt's place in the whole list of prompts.

    Nothing else (batches, processes, who has finished first) decides what is drawn.
    """

    seed: int
    places: tuple[int, ...]
    total: int

    @classmethod
    def whole(cls, count: int, seed: int = 0) -> SampleSeed:
        """All prompts of a list."""
        return cls(seed, tuple(range(count)), count)


@dataclass(frozen=True)
class Completion:
    """One text that a model wrote, from the sampler to the report.

    Args:
        text: without special tokens.
        token_ids: the sampled tokens, end token included where one was sampled; empty where only the text is
            known.
        logprobs: of each token under the policy that sampled it.
        ends: where in ``text`` each token ends (of a character that several write, at the last of them);
            empty where that is not known.
        finish_reason: ``stop`` where an end token was sampled, ``length`` at the limit.
        policy_version: of the weights that sampled it: optimizer steps so far.
        digits: of each token that is a digit, the mean of the ten digits by their probabilities in its place,
            at temperature 1; -1 for another token. Empty where that was not kept.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    ends: tuple[int, ...] = ()
    finish_reason: FinishReason = "stop"
    policy_version: int = 0
    digits: tuple[float, ...] = ()

    @property
    def finished(self) -> bool:
        """The model ended it before the length limit."""
        return self.finish_reason == "stop"

    @property
    def mean_logprob(self) -> float | None:
        """Mean log-probability of its tokens; None where they are not known."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None

    @property
    def token_spans(self) -> tuple[Span, ...]:
        """Which characters each token wrote; empty where that is not known.

        Tokens that write one character together all have it; one that is not written (an end token) has none.

        Example:
            >>> Completion("1\u72d7", (1, 2, 3, 0), ends=(1, 1, 2, 2)).token_spans
            ((0, 1), (1, 2), (1, 2), (2, 2))
        """
        spans: list[Span] = []
        for begin, end in zip((*self.ends[-2::-1], 0), self.ends[::-1], strict=False):
            shared = begin == end and spans and spans[-1][0] == begin
            spans.append(spans[-1] if shared else (begin, end))
        return tuple(spans[::-1])

    def span_logprob(self, span: Span) -> float | None:
        """Mean log-probability of the tokens that write a part of the text; None where it is not known.

        Example:
            >>> Completion("a 12 b", (1, 2, 3), (-1.0, -0.5, -3.0), (2, 4, 6)).span_logprob((2, 4))
            -0.5
        """
        first, last = span
        places = [i for i, (a, b) in enumerate(self.token_spans) if max(a, first) < min(b, last)]
        if not places or len(self.logprobs) < len(self.ends):
            return None
        return sum(self.logprobs[i] for i in places) / len(places)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the model was shown, which is not trained on, and what it said to it, which is."""

    prompt: Prompt
    completion: Completion

    @property
    def text(self) -> str:
        """The whole answer: how its prompt begins it, and what was said."""
        return self.prompt.begun + self.completion.text

    def span_logprob(self, span: Span) -> float | None:
        """Mean log-probability of the tokens that write a part of ``text``; None where it is not known."""
        begun = len(self.prompt.begun)
        return self.completion.span_logprob((span[0] - begun, span[1] - begun))


@dataclass(frozen=True, slots=True)
class Failure:
    """A reward term that could not be computed for one rollout; it counts 0.

    Args:
        term: its name.
        message: what went wrong.
        where: the file and line, where they are known.
        traceback: what Python says of it, whole; left out of rows.
    """

    term: str
    message: str
    where: str = ""
    traceback: str = ""

    @property
    def timed_out(self) -> bool:
        """It took too long."""
        return self.message.startswith(TimeoutError.__name__)


@dataclass(frozen=True, slots=True)
class PartReward:
    """A reward for a part of what was said: of which turn, which characters, and how much."""

    turn: int
    span: Span
    amount: float


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number in [0, 1] that a turn writes, its characters in ``Turn.text``, and what it should be."""

    turn: int
    span: Span
    right: float


@dataclass(frozen=True)
class Rollout:
    """One trajectory: its turns, what it answers, its reward.

    Args:
        example: the question; may be a variant of its group's (another form, a noisy image).
        turns: at least one; of an answer that nobody sampled (a detector's) none.
        answer: what the last turn says, in pixels of the file.
        view: how the media were shown: ``plain``, ``flip``, ``scale 0.5``.
        terms: raw reward terms; None where a term abstained.
        failures: terms that could not be computed.
        clipped: names of terms whose value was brought into their range.
        parts: rewards for parts of the text, for advantages that give credit by part.
        reward: weighted sum of the terms.
        advantages: for each turn one number for all its tokens, or one for each; empty where it is not
            trained on.
    """

    example: Example
    turns: tuple[Turn, ...]
    answer: Answer
    view: str = PLAIN
    terms: Mapping[str, float | None] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    clipped: tuple[str, ...] = ()
    parts: tuple[PartReward, ...] = ()
    reward: float = 0.0
    advantages: tuple[tuple[float, ...], ...] = ()

    @property
    def completion(self) -> Completion:
        """What was said last; an empty text where nothing was sampled."""
        return self.turns[-1].completion if self.turns else Completion("")

    @property
    def n_tokens(self) -> int:
        """Sampled tokens of all turns."""
        return sum(len(turn.completion.token_ids) for turn in self.turns)

    @property
    def finished(self) -> bool:
        """Every turn ended before the length limit."""
        return all(turn.completion.finished for turn in self.turns)

    @property
    def mean_logprob(self) -> float | None:
        """Mean log-probability of all its tokens; None where they are not known."""
        known = [p for turn in self.turns for p in turn.completion.logprobs]
        return sum(known) / len(known) if known else None

    @property
    def id(self) -> str:
        """Names what was said to what was shown, the same in every run: feedback can refer to it."""
        shown = [medium.encode() for medium in self.example.media]
        said = [turn.completion.text for turn in self.turns]
        content = (self.example.id, str(self.example.form), self.view, shown, said)
        return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RolloutGroup:
    """All rollouts of one question, and those of a contrast (shuffled frames, a blurred image), if any."""

    example: Example
    rollouts: tuple[Rollout, ...]
    contrast: tuple[Rollout, ...] = ()
    trained: bool = True
    """False where the group took no part in the gradient."""

    @property
    def has_signal(self) -> bool:
        """Whether rewards differ within the group, to the bit."""
        return len({r.reward for r in self.rollouts}) > 1


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a run is: its step from 0, its steps, its seed; rewards, advantages and sources see no more."""

    step: int = 0
    steps: int = 1
    seed: int = 0

    @property
    def progress(self) -> float:
        """How much of the training is done, from 0 to 1."""
        return self.step / self.steps


@dataclass(frozen=True)
class Prediction:
    """What came of one question: what every metric, table, drawing and export reads.

    Args:
        example: the question.
        answer: the result: that of the plain rollout, or what a rule made of several.
        rollouts: what it was made of, the plain one first; empty for a predictor that samples nothing.
        rule: the fusion rule, where several answers became one.
        gate: the first of two questions, 'is there any?', where it was asked.
    """

    example: Example
    answer: Answer
    rollouts: tuple[Rollout, ...] = ()
    rule: str | None = None
    gate: GateAnswer | None = None

    @property
    def plain(self) -> Rollout | None:
        """The plain rollout."""
        return self.rollouts[0] if self.rollouts else None

    @property
    def text(self) -> str:
        """What the model wrote, whole; empty where nothing was sampled."""
        return self.rollouts[0].completion.text if self.rollouts else ""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What a model said when it was asked first whether a category is there at all."""

    completion: Completion
    present: bool | None
    """None where neither yes nor no could be read: the second question is asked then."""
    prompt_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Sampled tokens."""
        return len(self.completion.token_ids)


def frames_of(turns: Sequence[Turn]) -> tuple[CoordinateFrame, ...]:
    """The coordinate frames of what was shown first."""
    return turns[0].prompt.frames if turns else ()
