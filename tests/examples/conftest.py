"""The miniature and a folder of labelled images, made once for all examples of a process."""

from __future__ import annotations

import pytest

from vrft.miniature.folders import write_detection
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    return write_detection(tmp_path_factory.mktemp("examples") / "photos", seed=0, train=30, val=6, heldout=8)


@pytest.fixture(scope="session")
def miniature():
    return load_policy(ModelOptions(device="cpu"))
