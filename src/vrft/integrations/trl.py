"""The rewards as a reward function of TRL's GRPO, RLOO and online trainers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vrft.config.run_config import Reward
from vrft.errors import InputError
from vrft.integrations.column_scoring import ARGUMENTS, scored_rows, settings, total
from vrft.integrations.packing import COLUMN

Message = Mapping[str, Any]
Completion = str | Sequence[Message]


class TrlReward:
    """A reward function as TRL calls it; can be pickled."""

    def __init__(self, rewards: Reward, column: str, name: str) -> None:
        self.rewards, self.column = rewards, column
        self.__name__ = name

    def __call__(
        self,
        completions: Sequence[Completion],
        *,
        completion_ids: Sequence[Sequence[int]] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float]:
        """Score a batch.

        Args:
            completions: n answers, as text or as the messages of a conversation.
            completion_ids: their tokens.
            log_extra: takes a column of the completions table; gets each term's values, and the faults.
            log_metric: takes a metric; gets each term's mean, the share that could be read, and how many
                terms failed.
            columns: the data set's columns, with the packed one, and TRL's further arguments.

        Returns:
            n finite weighted sums.

        Raises:
            InputError: the packed column is missing or broken; names the row.
            ConfigError: the task has no such setting or term.
        """
        lengths = None if completion_ids is None else [len(ids) for ids in completion_ids]
        scores = scored_rows([_text(c) for c in completions], columns, self.column, self.rewards, lengths)
        names = list(dict.fromkeys(name for score in scores for name in score.terms))
        if log_metric is not None and scores:
            for name in names:
                values = [score.terms[name] for score in scores if name in score.terms]
                log_metric(f"{self.__name__}/{name}", sum(values) / len(values))
            log_metric(f"{self.__name__}/readable", sum(s.answer.parsed for s in scores) / len(scores))
            log_metric(f"{self.__name__}/failed_terms", float(sum(len(s.failures) for s in scores)))
        if log_extra is not None:
            for name in names:
                log_extra(f"{self.__name__}/{name}", [score.terms.get(name) for score in scores])
            log_extra(f"{self.__name__}/faults", [", ".join(score.answer.faults) for score in scores])
        return [total(score) for score in scores]


def trl_reward(
    setting: str = "recommended",
    weights: Mapping[str, float] | None = None,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    custom: Mapping[str, float] | None = None,
    allow_unsafe_reward: bool = False,
    column: str = COLUMN,
    name: str = "vrft",
) -> TrlReward:
    """Make a reward function for ``GRPOTrainer(reward_funcs=...)``.

    Args:
        setting: name of the tasks' setting.
        weights: of terms, 1 where not given.
        options: arguments of terms.
        custom: own functions ``package.module:function`` with their weights.
        allow_unsafe_reward: use a setting that pays for wrong answers; values are clipped.
        column: the data set's column of packed targets.
        name: under which TRL logs it.

    Returns:
        The function. It pays the weighted sum of the terms.

    Raises:
        ConfigError: an argument of the wrong kind.

    Example:
        >>> from pathlib import Path
        >>> from vrft.integrations.packing import pack
        >>> from vrft.geometry.frames import View
        >>> from vrft.types import ClassTarget, Example, Form
        >>> example = Example("a", "a", Path("a.png"), (8, 8), "classification", "pet", ClassTarget("cat"))
        >>> packed = pack(example, View("unit", (8, 8), (8, 8)), Form.DIRECT)
        >>> trl_reward("paper")(completions=["<answer>cat</answer>"], vrft_target=[packed])
        [2.0]
    """
    values = (setting, weights, options, custom, allow_unsafe_reward)
    return TrlReward(settings(dict(zip(ARGUMENTS, values, strict=True))), column, name)


def _text(completion: Completion) -> str:
    if isinstance(completion, str):
        return completion
    try:
        content = completion[-1]["content"] if completion else ""
        parts = [content] if isinstance(content, str) else [p["text"] for p in content or () if "text" in p]
        return "".join(parts)
    except (TypeError, KeyError, IndexError) as error:
        shown = f"{completion!r:.200}"
        raise InputError(f"A completion is neither text nor a list of messages: {shown}") from error
