"""One vLLM server over HTTP: what is asked of it, and what its refusals mean."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vrft.errors import RunError

REQUEST_S = 3600.0
"""Seconds that one request may take: long answers of a large model to a full queue."""
WAIT_S = 900.0
"""Seconds that a run waits for a server that has gone; a large model takes minutes to load."""
PAUSE_S = 0.5
"""Between two looks whether it is back."""
_SHOWN = 300


class ServerGone(RunError):
    """Nothing answers at an address."""


class ServerRefusal(RunError):
    """A server answered with an error: its status, and what it said."""

    def __init__(self, url: str, path: str, status: int, said: str) -> None:
        self.status, self.said = status, said
        super().__init__(
            f"{url}: the server refused {path} ({status}: {said}). Was it started by 'vrft serve', with "
            "these options? Its own output says more."
        )


@dataclass(frozen=True)
class ServedModel:
    """What a server serves: its name, and how many tokens fit into it (None where it does not say)."""

    name: str
    room: int | None


class VllmServer:
    """A server by its address, ``http://host:port``."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.closed = False
        """Whether nobody waits for it any more."""
        # A proxy of the environment is for the world, not for a server of one's own.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> Any:
        """What a path answers."""
        return self._sent(path, None)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What a path answers to JSON; None where it answers no JSON.

        Raises:
            ServerGone: nothing answers there.
            ServerRefusal: it answers with an error.
        """
        return self._sent(path, json.dumps(dict(body or {})).encode())

    def served(self) -> ServedModel:
        """The model that it serves, adapters left out."""
        (found, *_) = [one for one in self.get("v1/models")["data"] if not one.get("parent")]
        return ServedModel(str(found["id"]), found.get("max_model_len"))

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        try:
            self.get("health")
        except RunError:
            return False
        return True

    def wait(self) -> None:
        """Return when it answers again.

        Raises:
            ServerGone: it did not come back.
        """
        end = time.monotonic() + WAIT_S
        while not self.alive:
            if self.closed or time.monotonic() > end:
                raise ServerGone(
                    f"rollout.url: the server at {self.url} has gone, and did not come back within "
                    f"{WAIT_S / 60:.0f} minutes. Start it again ('vrft serve'), and go on with --resume."
                )
            time.sleep(PAUSE_S)

    def _sent(self, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(f"{self.url}/{path}", body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=REQUEST_S) as reply:
                text = reply.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace")
            raise ServerRefusal(self.url, path, error.code, _message(said)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise ServerGone(
                f"rollout.url: there is no vLLM server at {self.url} ({reason}). Start one with 'vrft serve "
                "MODEL', or give the right address."
            ) from error
        try:
            return json.loads(text)
        except ValueError:
            return None


def _message(text: str) -> str:
    """What an error says, without the JSON around it."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, Mapping):
        inner = found.get("error") or found.get("detail") or found
        text = str(inner.get("message", inner) if isinstance(inner, Mapping) else inner)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
