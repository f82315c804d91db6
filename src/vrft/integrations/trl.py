"""The rewards as a reward function of TRL's GRPO, RLOO and online trainers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vrft.errors import InputError
from vrft.integrations.column_scoring import reward_options, scored_rows, total
from vrft.integrations.packing import COLUMN
from vrft.tasks.scorer import RewardOptions

Message = Mapping[str, Any]
Completion = str | Sequence[Message]


class TrlReward:
    """A reward function as TRL calls it; can be pickled."""

    def __init__(self, options: RewardOptions, column: str, name: str) -> None:
        self.options, self.column = options, column
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
        """Score n answers, as text or as the messages of a conversation: n finite weighted sums.

        ``columns`` are the dataset's, with the packed one, and TRL's further arguments. ``log_extra`` gets
        each term's values and the faults, ``log_metric`` each term's mean, the share that could be read, and
        how many terms failed. Raises an InputError where the packed column is missing or broken.
        """
        lengths = None if completion_ids is None else [len(ids) for ids in completion_ids]
        rollouts = scored_rows([_text(c) for c in completions], columns, self.column, self.options, lengths)
        names = list(dict.fromkeys(name for one in rollouts for name in one.terms))
        if log_metric is not None and rollouts:
            for name in names:
                values = [value for one in rollouts if (value := one.terms.get(name)) is not None]
                if values:
                    log_metric(f"{self.__name__}/{name}", sum(values) / len(values))
            log_metric(f"{self.__name__}/readable", sum(r.answer.parsed for r in rollouts) / len(rollouts))
            log_metric(f"{self.__name__}/failed_terms", float(sum(len(r.failures) for r in rollouts)))
        if log_extra is not None:
            for name in names:
                log_extra(f"{self.__name__}/{name}", [one.terms.get(name) for one in rollouts])
            log_extra(f"{self.__name__}/faults", [", ".join(one.answer.faults) for one in rollouts])
        return [total(one) for one in rollouts]


def trl_reward(
    setting: str = "recommended",
    weights: Mapping[str, float] | None = None,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    custom: Mapping[str, float] | None = None,
    time_limit_s: float | None = None,
    allow_unsafe_reward: bool = False,
    column: str = COLUMN,
    name: str = "vrft",
) -> TrlReward:
    """Make a reward function for ``GRPOTrainer(reward_funcs=...)``: the weighted sum of the terms.

    Args:
        setting: name of the tasks' setting.
        weights: of terms, 1 where not given.
        options: arguments of terms.
        custom: own functions ``package.module:function``, or addresses of servers, with their weights.
        time_limit_s: seconds that one call of an own function may take; 60 where it is not given.
        allow_unsafe_reward: use a setting that rewards wrong answers; values are clipped.
        column: the dataset's column of packed targets.
        name: under which TRL logs it.

    Raises:
        ConfigError: an argument of the wrong kind.

    Example:
        >>> from pathlib import Path
        >>> from vrft.integrations.packing import pack
        >>> from vrft.types import CoordinateFrame, Example, Form, Image, Label
        >>> media = (Image(Path("a.png"), (8, 8)),)
        >>> example = Example("a", "a", "classification", media, "pet", Label("cat"), form=Form.DIRECT)
        >>> packed = pack(example, [CoordinateFrame.whole("norm1", (8, 8))])
        >>> trl_reward("paper")(completions=["<answer>cat</answer>"], vrft_target=[packed])
        [2.0]
    """
    terms = {"setting": setting, "weights": weights, "options": options, "custom": custom}
    limits = {"time_limit_s": time_limit_s, "allow_unsafe_reward": allow_unsafe_reward}
    return TrlReward(reward_options({**terms, **limits}), column, name)


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
