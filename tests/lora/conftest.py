"""A base of each test's own, and an adapter on it."""

from __future__ import annotations

import shutil

import pytest
from hand_made import factors

FAMILY = "qwen2_5_vl"


@pytest.fixture
def base(tiny_folders, tmp_path):
    """A base of the test's own, which it may change."""
    shutil.copytree(tiny_folders[FAMILY], tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def pairs(base):
    return factors(base, 1)
