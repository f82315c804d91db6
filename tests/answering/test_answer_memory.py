"""Requests that cannot fit into memory are refused before anything is asked, with the number that fits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launch import vrft
from vrft.workflows.answer_memory import largest_that_fits


@given(st.integers(1, 300), st.integers(1, 400))
def test_the_largest_that_fits_is_found(limit, too_many):
    expected = max(1, min(limit, max(2, too_many) - 1))
    assert largest_that_fits(lambda n: n <= limit, too_many) == expected


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr("vrft.workflows.answer_memory.device_memory_gib", lambda device: 0.1)


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        (("--samples", "100000"), r"At most --samples (\d+) fit"),
        (("--scales", "100"), r"a factor of (\S+)\.$"),
    ],
)
def test_a_request_that_cannot_fit_names_the_one_that_does(little_memory, images, tmp_path, words, fits):
    asked = ("predict", "miniature", images[0], "two", "--max-new-tokens", "2", "--form", "direct")
    ended = vrft(*asked, *words, cwd=tmp_path)
    assert ended.returncode == 2 and "this device has 0.1" in ended.stderr and not ended.stdout
    most = re.search(fits, ended.stderr.strip())[1]
    assert vrft(*asked, words[0], most, "--quiet", cwd=tmp_path).returncode == 0
