"""Tasks that a test registers are gone afterwards."""

import pytest

from vrft.tasks import registry


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(registry, "_known", dict(registry._known))
