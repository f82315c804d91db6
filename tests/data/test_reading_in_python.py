"""How labels are read, as Python's verbs take it: all four options of ``data``."""

from __future__ import annotations

import json

import pytest

import vrft

READ = {"format": "rows", "coordinates": "0-1000", "box_order": "xywh"}
BOX = [500, 250, 500, 500]
"""x, y, width and height in thousandths; in the other order it has no area."""


def fit(folder, **options):
    """Ends with an error of its own where the labels could be read."""
    return vrft.fit(folder, "detection", "miniature", overrides=("seed=1",), quiet=True, **options)


def evaluate(folder, **options):
    out, settings = folder.parent / "out", {"part": "all", "eval_max": 1, "quiet": True}
    return vrft.evaluate("miniature", folder, "detection", out=out, **settings, **options)


@pytest.fixture
def folder(tmp_path, make_image):
    """Rows whose boxes leave their meaning open, beside the same images' labels in another format."""
    names = [f"set/{number}.png" for number in range(6)]
    for shade, name in enumerate(names):
        make_image(name, (80, 40), shade=shade)
    rows = [{"image": f"{n}.png", "category": "cup", "bbox": BOX} for n in range(6)]
    (tmp_path / "set/rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sheet = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 40} for n in range(6)],
        "categories": [{"id": 1, "name": "cup"}],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 9, 9]} for n in range(6)],
    }
    (tmp_path / "set/labels.json").write_text(json.dumps(sheet))
    return tmp_path / "set"


def test_evaluate_reads_as_it_is_said(folder):
    with pytest.raises(vrft.InputError, match="--format"):
        evaluate(folder)
    (asked,) = evaluate(folder, **READ).predictions
    assert asked.example.target.xyxy_px == ((40.0, 10.0, 80.0, 30.0),)


def test_check_reads_as_it_is_said(folder):
    found = vrft.check(folder, "detection", **READ)
    assert found.classes["cup"].images == 6
    assert not [one for one in found.findings if one.code in ("label", "left-out")]
    assert not vrft.check(folder, "detection", **READ | {"box_order": "xyxy"}).passed


def test_fit_reads_as_it_is_said(folder):
    with pytest.raises(vrft.InputError, match="set by vrft fit"):
        fit(folder, **READ)
    for other, said in (
        ({"format": None}, "--format"),
        ({"coordinates": None}, "--coordinates 0-1000"),
        ({"box_order": "xyxy"}, r"rows\.jsonl, line 1: .*no area"),
    ):
        with pytest.raises(vrft.InputError, match=said):
            fit(folder, **READ | other)


@pytest.mark.parametrize("verb", [fit, evaluate])
def test_strict_refuses_what_is_clipped(folder, verb):
    rows = (folder / "rows.jsonl").read_text().splitlines()
    rows[0] = rows[0].replace("[500, 250, 500", "[500, 250, 900")
    (folder / "rows.jsonl").write_text("\n".join(rows))
    with pytest.raises(vrft.InputError, match=r"line 1.*outside|line 1.*beyond|line 1.*over"):
        verb(folder, strict=True, **READ)


@pytest.mark.parametrize("verb", [fit, evaluate, lambda folder, **options: vrft.check(folder, **options)])
@pytest.mark.parametrize("option", ["coordinates", "box_order"])
def test_an_unknown_word_is_refused_by_name(folder, verb, option):
    with pytest.raises(vrft.InputError, match=f"{option}='percent'"):
        verb(folder, **{option: "percent"})
