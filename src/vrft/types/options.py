"""The base of all options: frozen, validated, unknown keys refused. Options belong to what they configure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """A section of a configuration. Each part of vrft brings its own subclass; ``RunConfig`` only puts them
    together."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())
