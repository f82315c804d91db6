"""What ``import vrft`` offers: few names, each loaded when it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import vrft


@pytest.mark.parametrize("name", vrft.__all__)
def test_a_public_name_is_there_and_documented(name):
    found = getattr(vrft, name)
    assert name == "__version__" or found.__doc__


def test_there_are_at_most_forty_and_dir_lists_them():
    assert dir(vrft) == sorted(vrft.__all__)
    assert len(vrft.__all__) <= 41
    assert vrft.__version__ == version("vrft")
    with pytest.raises(AttributeError, match="no attribute 'imagined'"):
        vrft.imagined  # noqa: B018


def test_importing_vrft_loads_nothing_else():
    code = (
        "import sys, vrft; print(sorted(m for m in sys.modules if m.startswith(('vrft.', 'torch', 'numpy'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
