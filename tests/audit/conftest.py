"""Plans for all tests of the audit: laid out once."""

from __future__ import annotations

from functools import cache

import pytest

from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.tasks.registry import load_task


@pytest.fixture(scope="session")
def plan_of():
    """A task's plan with its usual 500 targets."""
    return cache(lambda name: lay_out(load_task(name)))


@pytest.fixture(scope="session")
def small_plan_of():
    """A task's plan with as few targets as there may be."""
    return cache(lambda name: lay_out(load_task(name), targets=60))
