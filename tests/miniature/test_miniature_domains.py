"""Other ways of drawing: the plain one is what it was, boxes hold the ink, and novel things are held out."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from vrft.data.dataset import load_dataset
from vrft.errors import InputError
from vrft.miniature.domains import DOMAINS, PLAIN, domain_of
from vrft.miniature.folders import write_detection
from vrft.miniature.scenes import BASE, NOVEL, _ink, draw_scene

DIGEST = "40e156546b2a763fbdd4ce72631f689c013ad3ef3b91bede13ee9b5450fbef98"
OTHER = sorted(DOMAINS.keys() - {"plain"})


def scene(domain, seed=0, categories=("two", "square", "heart")):
    return draw_scene(np.random.default_rng(seed), "train", categories, (1, 4), domain=domain)


def test_the_plain_domain_draws_what_pretraining_saw():
    # Images of the frozen miniature's own kind: another digest here would make its card untrue.
    drawn = b"".join(scene(PLAIN, seed).pixels.tobytes() for seed in range(8))
    assert hashlib.sha256(drawn).hexdigest() == DIGEST


@pytest.mark.parametrize("name", OTHER)
def test_another_domain_gives_another_image(name):
    plain, other = scene(PLAIN).pixels.astype(int), scene(DOMAINS[name]).pixels.astype(int)
    assert other.shape == plain.shape and abs(other - plain).mean() > 5


def test_inversion_changes_no_box_and_sums_to_white():
    plain, other = scene(PLAIN), scene(DOMAINS["inverted"])
    assert [o.box_xyxy_px for o in plain.objects] == [o.box_xyxy_px for o in other.objects]
    assert (plain.pixels.astype(int) + other.pixels == 255).all()


@pytest.mark.parametrize("category", ["circle", "square", "triangle"])
def test_an_outline_is_a_closed_line_around_a_pale_middle(category):
    for seed in range(6):
        ink = _ink(np.random.default_rng(seed), category, 46, "train", DOMAINS["outline"])
        line = ink > 0.7
        _, pieces = ndimage.label(line, np.ones((3, 3)))
        assert pieces == 1
        inside = ndimage.binary_fill_holes(line) & ~line
        assert inside.sum() > line.sum()
        assert 0.3 < np.median(ink[inside]) < 0.5


def test_a_folder_of_another_domain_differs_from_a_plain_one(tmp_path):
    few = {"train": 2, "val": 0, "heldout": 0}
    write_detection(tmp_path, 0, **few)
    before = (tmp_path / "train" / "images" / "0000.png").read_bytes()
    write_detection(tmp_path, 0, domain="inverted", **few)
    assert (tmp_path / "train" / "images" / "0000.png").read_bytes() != before


def test_further_categories_are_in_the_heldout_part_alone(tmp_path):
    write_detection(tmp_path, 0, BASE, train=12, val=12, heldout=24, further=NOVEL)
    dataset = load_dataset(tmp_path)
    seen = {"train": set(), "val": set(), "test": set()}
    for record in dataset.records:
        seen[dataset.parts[record.id]] |= record.categories
    assert not (seen["train"] | seen["val"]) & set(NOVEL)
    assert seen["test"] & set(NOVEL) and seen["test"] & set(BASE)


def test_an_unknown_domain_is_reported():
    with pytest.raises(InputError, match="inverted, outline, texture"):
        domain_of("sepia")
