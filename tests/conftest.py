"""Fixtures shared by the tests."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

# On AMD processors the sums of MKL depend on where a matrix lies in memory, unless it is told otherwise
# before its first product: a run that is resumed then differs from one that was not, in last digits.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

# A slow or busy machine must not fail a test: nothing here measures time.
# Nor does the luck of a generator that filters, or is slow.
UNLUCKY = (HealthCheck.filter_too_much, HealthCheck.too_slow)
settings.register_profile("house", deadline=None, suppress_health_check=UNLUCKY)
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the model of true sizes is, for the test that walks through every verb with it."""
    parser.addoption(
        "--true-size", metavar="FOLDER", help="made by: python benchmarks/true_size.py build FOLDER"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Processes that share the tests share the cores too, they and what they start, instead of each taking
    all of them: libraries read this when they are first loaded."""
    if getattr(config.option, "numprocesses", None):
        for library in ("OMP", "MKL", "OPENBLAS"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")


LONGEST = (
    "training/test_processes.py",
    "fit/test_cli.py",
    "audit/test_audit_settings.py",
    "benchmarks/test_mini_studies.py",
    "training/test_learning_toy.py",
    "parsing/test_parsing_fuzz.py",
)
"""Files that take longest: they begin first, so that no process is left alone with one of them."""


def pytest_sessionstart() -> None:
    """What is imported and collected stays: to look through it for garbage again and again would take a
    fifth of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is collected, but not among what is there already."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get("/".join(item.path.parts[-2:]), len(LONGEST)))


@pytest.fixture(autouse=True)
def _what_a_test_changes_ends_with_it():
    """Tasks that it loads or registers, and the number of threads, which scripts of benchmarks set."""
    from vrft.tasks import registry

    torch = sys.modules.get("torch")
    known, threads = dict(registry._known), torch.get_num_threads() if torch is not None else 0
    yield
    registry._known.clear()
    registry._known.update(known)
    if torch is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory):
    """One folder an architecture, with a tiny random policy."""
    from architectures import FAMILY_NAMES
    from tiny import save_tiny

    root = tmp_path_factory.mktemp("tiny")
    return {name: save_tiny(name, root / name) for name in FAMILY_NAMES}


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Three images of different sizes."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    paths = []
    for index, (width, height) in enumerate([(64, 48), (40, 64), (56, 56)]):
        path = root / f"{index}.png"
        Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8)).save(path)
        paths.append(path)
    return paths
