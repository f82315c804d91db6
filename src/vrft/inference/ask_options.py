"""How questions are put to a policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vrft.errors import InputError
from vrft.tasks.metrics.box_confidences import ScoreName
from vrft.types import SamplingParams
from vrft.types.options import Options

BATCH = 64
"""Questions encoded together, by default."""


class EvaluationOptions(Options):
    """How answers are measured."""

    score: ScoreName = "auto"
    """What ranks boxes: 'written', 'box_logprob' or 'expected' confidences, the same in validation,
    evaluation and prediction. 'auto' lets vrft fit choose on the validation part; elsewhere it is
    'written'."""

    @property
    def known_score(self) -> ScoreName:
        """The confidences that are meant where nothing chooses."""
        return "written" if self.score == "auto" else self.score


@dataclass(frozen=True)
class AskOptions:
    """Everything that decides an answer, except for the policy and the question.

    Args:
        params: of the sampled answers; the greedy ones take its length limit.
        samples: answers to each question: the greedy one, those of further views, then sampled ones.
        seed: of the sampled answers.
        flip: also show the mirrored image, where the question allows it.
        scales: also show the image scaled by each of these.
        gate: first ask whether the thing is there, and go on only where the policy does not say no.
        batch: questions encoded together, cut from the whole list: each is the same whenever it is asked.
        rows: most answers decoded together, where several are drawn.
        score: which confidences an answer's parts have (``Task.confidence_sources``); 'auto' leaves the
            written ones, and keeps what the others are made of.
    """

    params: SamplingParams = field(default_factory=SamplingParams)
    samples: int = 1
    seed: int = 0
    flip: bool = False
    scales: tuple[float, ...] = ()
    gate: bool = False
    batch: int = BATCH
    rows: int = 512
    score: ScoreName = "written"

    def __post_init__(self) -> None:
        given = {**asdict(self.params), **asdict(self)}
        for name in ("samples", "max_new_tokens", "batch", "rows"):
            if given[name] < 1:
                raise InputError(f"{name} = {given[name]} is not possible: it must be at least 1.")
        if not self.params.temperature > 0:
            raise InputError(
                f"temperature = {self.params.temperature} is not possible: it must be above 0; the greedy "
                "answer is always among the answers."
            )
        if not 0 < self.params.top_p <= 1:
            raise InputError(
                f"top_p = {self.params.top_p} is not possible: it must be above 0 and at most 1."
            )

    @property
    def greedy(self) -> SamplingParams:
        """Of the plain answer."""
        return replace(self.params, temperature=0.0, digits=self._digits)

    @property
    def sampled(self) -> SamplingParams:
        """Of the further answers; their log-probabilities can be compared with those of the plain one."""
        return replace(self.params, untempered=True, digits=self._digits)

    @property
    def _digits(self) -> bool:
        return self.score in ("auto", "expected")

    def row(self) -> dict[str, Any]:
        """As JSON has it: two evaluations with equal rows ask alike."""
        row = {**asdict(self.params), **asdict(self)}
        del row["params"], row["digits"]
        if self.score == "written":
            del row["score"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
