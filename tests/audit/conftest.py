"""Trials for all tests of the audit: laid out once."""

from __future__ import annotations

from functools import cache

import pytest

from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.tasks.task import load_task


@pytest.fixture(scope="session")
def trial_of():
    """A task's trial with its usual 500 targets."""
    return cache(lambda name: lay_out(load_task(name)))


@pytest.fixture(scope="session")
def small_trial_of():
    """A task's trial with as few targets as there may be."""
    return cache(lambda name: lay_out(load_task(name), targets=60))
