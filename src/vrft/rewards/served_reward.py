"""A reward that a server computes: JSON over HTTP, in the words of EasyR1 or of verl.

``easyr1`` sends one request for all answers of a step, ``{"reward_inputs": [{response, response_length,
ground_truth, ...}, ...]}``, and reads a list with a number or ``{"overall": ...}`` for each. ``verl`` sends
one request for each answer, ``{data_source, solution_str, ground_truth, extra_info}``, and reads a number,
``{"score": ...}`` or ``{"reward": ...}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationError

from vrft.errors import ConfigError
from vrft.rewards.reward_term import Outcome, by_group
from vrft.rewards.trainer_rows import easyr1_row, verl_row
from vrft.types import Clock, RolloutGroup
from vrft.types.options import Options

AT_ONCE = 16
"""Requests on their way together."""
BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which a request is repeated."""
LISTS = ("scores", "rewards", "results")
"""Keys under which a server may give its list."""
_SHOWN = 200


def is_address(name: str) -> bool:
    """Whether a reward is named by the address of a server."""
    return name.startswith(("http://", "https://"))


class ServedReward(Options):
    """A reward server; a ``GroupReward``. An answer of null is an abstention, an error a failure."""

    url: str
    protocol: Literal["easyr1", "verl"] = "easyr1"
    """One request for all answers of a step, or one for each."""
    timeout_s: float = Field(60.0, gt=0)
    """Seconds that one request may take."""
    retries: int = Field(3, ge=0)
    """How often a request is repeated that took too long, was refused or met a busy server; each time the
    pause before it is twice as long, from half a second."""
    _retried: int = PrivateAttr(0)
    _pool: Any = PrivateAttr(None)

    @property
    def retried(self) -> int:
        """Requests that were repeated so far."""
        return self._retried

    def score_groups(self, groups: Sequence[RolloutGroup], now: Clock) -> Sequence[Sequence[Outcome]]:
        """Ask the server about all answers of a step."""
        rollouts = [rollout for group in groups for rollout in group.rollouts]
        if self.protocol == "easyr1":
            outcomes = self._all([easyr1_row(one.answer, one.example) for one in rollouts])
        else:
            rows = [verl_row(one.answer, one.example) for one in rollouts]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                outcomes = list(pool.map(self._one, rows))
        return by_group(outcomes, groups)

    def _all(self, rows: list[dict[str, Any]]) -> list[Outcome]:
        try:
            found = self._asked({"reward_inputs": rows})
            if isinstance(found, Mapping):
                found = next((found[key] for key in LISTS if key in found), found)
            if not isinstance(found, list) or len(found) != len(rows):
                count = f"{len(found)} values" if isinstance(found, list) else _short(found)
                raise ValueError(f"the server answered {count} where a list of {len(rows)} was expected")
        except Exception as error:
            return [error] * len(rows)
        return found

    def _one(self, row: dict[str, Any]) -> Outcome:
        try:
            return self._asked(row)  # type: ignore[no-any-return]
        except Exception as error:
            return error

    def _asked(self, body: Mapping[str, Any]) -> Any:
        """What the server answers; TimeoutError or ConnectionError where it does not."""
        from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError
        from urllib3.exceptions import TimeoutError as Overdue

        try:
            answer = self._opened().request("POST", self.url, json=body)
        except MaxRetryError as error:
            self._retried += self.retries
            reason = error.reason or error
            slow = isinstance(reason, Overdue) and not isinstance(reason, NewConnectionError)
            kind = TimeoutError if slow else ConnectionError
            raise kind(f"{self.url}: {reason} ({self.retries} retries)") from error
        except HTTPError as error:
            raise ConnectionError(f"{self.url}: {error}") from error
        self._retried += len(answer.retries.history) if answer.retries is not None else 0
        if answer.status >= 400:
            said = answer.data.decode("utf-8", "replace")
            raise ConnectionError(f"{self.url}: status {answer.status}: {_short(said)}")
        try:
            return answer.json()
        except ValueError as error:
            said = answer.data.decode("utf-8", "replace")
            raise ValueError(f"{self.url}: the answer is not JSON: {_short(said)}") from error

    def _opened(self) -> Any:
        if self._pool is None:
            from urllib3 import PoolManager, Retry, Timeout

            retries = Retry(
                self.retries,
                allowed_methods=None,
                status_forcelist=BUSY,
                backoff_factor=0.5,
                backoff_max=self.timeout_s,
                raise_on_status=False,
            )
            self._pool = PoolManager(maxsize=AT_ONCE, retries=retries, timeout=Timeout(self.timeout_s))
        return self._pool


def served_reward(url: str, options: Mapping[str, Any]) -> ServedReward:
    """A server's reward, asked as ``reward.options`` say.

    Raises:
        ConfigError: an unknown option, or urllib3 is not installed.
    """
    try:
        import urllib3  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(f"reward.custom: {url} needs urllib3. Run: pip install 'vrft[served]'.") from error
    try:
        return ServedReward(url=url, **options)
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(name for name in ServedReward.model_fields if name != "url")
        key = ".".join(map(str, first["loc"]))
        raise ConfigError(f"reward.options.{url}: {key}: {first['msg']}. Options: {known}.") from error


def _short(found: Any) -> str:
    text = found if isinstance(found, str) else json.dumps(found, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
