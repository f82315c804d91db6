"""The benchmark of copies: what is a copy, what is another image, and what counts as an alarm."""

from __future__ import annotations

import json
import sys

import find_copies
import numpy as np
import pytest
from PIL import Image


def scene(seed):
    patches = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((160, 120), Image.Resampling.BICUBIC)


def test_a_cut_takes_its_share_off_and_stays_inside():
    rng, image = np.random.default_rng(0), scene(0)
    assert {find_copies.cut(0.05, evenly=False)(image, rng).size for _ in range(20)} == {(152, 114)}
    even = find_copies.cut(0.1, evenly=True)(image, rng)
    assert even.size == (144, 108) and even.getpixel((0, 0)) == image.getpixel((8, 6))


def test_rates_have_wilsons_interval():
    rate = find_copies.Rate.of_counts(9, 10)
    # By hand: (p + z^2/2n +- z sqrt(p q / n + z^2/4n^2)) / (1 + z^2/n), z = 1.96.
    assert (rate.low, rate.high) == pytest.approx((0.5958, 0.9821), abs=1e-4)


def test_copies_and_alarms_are_counted(tmp_path, monkeypatch):
    for number in range(5):
        scene(number).save(tmp_path / f"{number}.png")
    scene(0).resize((80, 60)).save(tmp_path / "again.png")
    monkeypatch.setattr(find_copies, "CHANGES", {"mirrored": find_copies.mirrored})
    out = tmp_path / "out"
    for same, alarms in (([], 1), (["--same", "0.png=again.png"], 0)):
        monkeypatch.setattr(sys, "argv", ["find_copies.py", str(tmp_path), *same, "--out", str(out)])
        find_copies.main()
        found = json.loads((out / "find_copies.json").read_text())
        assert found["all"]["false_alarms"]["count"] == alarms
        assert found["all"]["changes"]["mirrored"]["found"]["count"] == 6
        assert str(tmp_path) not in json.dumps(found)
