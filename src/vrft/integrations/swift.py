"""The rewards as an outcome reward of ms-swift's GRPO (``--external_plugins``, ``--reward_funcs``)."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, ClassVar

from vrft.integrations.column_scoring import ARGUMENTS, reward_options, scored_rows, total
from vrft.integrations.packing import COLUMN


class VisualReward:
    """An outcome reward as ms-swift makes and calls it: it asks for the methods, not for its own base class.

    To choose another setting, name it in a subclass of a plugin file; ms-swift logs the class's name.
    """

    setting: ClassVar[str] = "recommended"
    weights: ClassVar[Mapping[str, float]] = {}
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    custom: ClassVar[Mapping[str, float]] = {}
    time_limit_s: ClassVar[float | None] = None
    allow_unsafe_reward: ClassVar[bool] = False
    column: ClassVar[str] = COLUMN

    def __init__(self, args: Any = None, **kwargs: Any) -> None:
        """Check the setting; the trainer's own arguments are not looked at."""
        self.options_given = reward_options({name: getattr(self, name) for name in ARGUMENTS})

    def __call__(self, completions: Sequence[str], **kwargs: Any) -> list[float]:
        """n finite weighted sums of n answers; ``kwargs`` has the dataset's columns, with the packed one.

        Raises an InputError where that is missing or broken; names the row.
        """
        ids = kwargs.get("response_token_ids")
        lengths = [_length(answer) for answer in ids] if ids else None
        return [total(s) for s in scored_rows(completions, kwargs, self.column, self.options_given, lengths)]


def register(
    orms: MutableMapping[str, Any], name: str = "vrft", reward: type[VisualReward] = VisualReward
) -> None:
    """Make a reward known to ms-swift, whose own table ``orms`` is, by a name for ``--reward_funcs``.

    Example:
        >>> table = {}
        >>> register(table)
        >>> table
        {'vrft': <class 'vrft.integrations.swift.VisualReward'>}
    """
    orms[name] = reward


def _length(ids: Sequence[Any]) -> int:
    """Tokens of one answer; of one in several turns, of all its turns."""
    return sum(len(turn) if isinstance(turn, Sequence) else 1 for turn in ids)
