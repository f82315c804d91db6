"""Images that look nearly the same: found, not confused with others, and never in two parts of a split."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from vrft import types
from vrft.data.dataset import load_dataset
from vrft.data.duplicates import near_images, same_images, without_near_repeats, without_repeats
from vrft.data.fingerprints import difference_hash, groups_alike
from vrft.data.splits.few_shot import Split, few_shot_split
from vrft.data.splits.manifest import manifest, split_from_manifest
from vrft.errors import InputError, LabelError
from vrft.miniature.writers import write_class_folders
from vrft.tasks.registry import load_task
from vrft.types import Boxes, BoxXYXY, Example, Label


def scene(seed: int, size_wh: tuple[int, int] = (160, 120)) -> Image.Image:
    """Soft patches of color, as a photograph out of focus."""
    patches = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size_wh, Image.Resampling.BICUBIC)


def with_thing(image: Image.Image, left: int) -> Image.Image:
    """The scene with a dark square in it."""
    image = image.copy()
    ImageDraw.Draw(image).rectangle((left, 40, left + 15, 55), fill=(0, 0, 0))
    return image


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=quality)
    return Image.open(held)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved poorly": lambda p: as_jpeg(p, 30),
    "smaller": lambda p: p.resize((80, 60)),
    "stretched": lambda p: p.resize((300, 120)),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.08),
    "moved": lambda p: p.crop((4, 0, 160, 120)),
    "mirrored": ImageOps.mirror,
    "much brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.25),
    "darker": lambda p: ImageEnhance.Brightness(p).enhance(0.75),
    "rotated": lambda p: p.rotate(2),
    "rotated back": lambda p: p.rotate(-2, Image.Resampling.BICUBIC, expand=True),
    "cropped": lambda p: p.crop((8, 6, 152, 114)),
    "cropped at a corner": lambda p: p.crop((8, 6, 160, 120)),
    "mirrored, rotated and darker": lambda p: ImageEnhance.Brightness(ImageOps.mirror(p).rotate(2)).enhance(
        0.8
    ),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_found_among_others(copy: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.png" for n in range(8)]
    for n, path in enumerate(paths[:-1]):
        with_thing(scene(n), 60).save(path)
    COPIES[copy](with_thing(scene(3), 60)).save(paths[-1])
    assert groups_alike(paths) == [0, 1, 2, 3, 4, 5, 6, 3]


def test_the_way_a_image_is_stored_does_not_matter(tmp_path: Path) -> None:
    """A JPEG that is decoded at a fraction of its size, and an image turned by its EXIF tag."""
    large = scene(1, (1600, 1200))
    large.save(tmp_path / "a.png")
    large.save(tmp_path / "b.jpg", quality=95)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by 90 degrees clockwise
    large.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "c.jpg", quality=95, exif=turned)
    scene(2, (1600, 1200)).save(tmp_path / "d.jpg")
    assert groups_alike(sorted(tmp_path.iterdir())) == [0, 0, 0, 3]


def test_a_thing_on_the_same_background_is_another_image(tmp_path: Path) -> None:
    images = [scene(5), with_thing(scene(5), 30), with_thing(scene(5), 90)]
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    for path, image in zip(paths, images, strict=True):
        image.save(path)
    assert groups_alike(paths) == [0, 1, 2]


@pytest.mark.parametrize(
    "copy", [name for name in COPIES if name not in ("saved poorly", "smaller", "stretched")]
)
def test_a_copy_with_another_thing_in_it_is_another_image(copy: str, tmp_path: Path) -> None:
    with_thing(scene(5), 60).save(tmp_path / "a.png")
    COPIES[copy](with_thing(scene(5), 100)).save(tmp_path / "b.png")
    COPIES[copy](scene(5)).save(tmp_path / "c.png")
    assert groups_alike(sorted(tmp_path.iterdir())) == [0, 1, 2]


def test_color_counts(tmp_path: Path) -> None:
    gray = np.asarray(scene(7).convert("L")).astype(int)
    levels = np.stack([gray, gray, gray], -1)
    red = np.clip(levels + np.array([40, -20, 0]), 0, 255).astype(np.uint8)
    Image.fromarray(levels.astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(red).save(tmp_path / "b.png")
    assert groups_alike(sorted(tmp_path.iterdir())) == [0, 1]


def test_likeness_passes_on(tmp_path: Path) -> None:
    """Each has a little more of another scene than the one before: the first and the last are not alike."""
    for n in range(4):
        Image.blend(scene(4), scene(5), 0.1 * n).save(tmp_path / f"{n}.png")
    paths = sorted(tmp_path.iterdir())
    assert groups_alike(paths) == [0, 0, 0, 0]
    assert groups_alike([paths[0], paths[3]]) == [0, 1]


def test_the_hash_tells_where_it_grows_brighter() -> None:
    ramp = Image.fromarray(np.tile(np.arange(0, 252, 4, dtype=np.uint8), (64, 1)))
    assert difference_hash(ramp).all()
    assert not difference_hash(ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)).any()
    half = Image.new("L", (64, 64), 128)
    half.paste(ramp.crop((0, 0, 63, 32)).resize((64, 32)), (0, 0))
    assert difference_hash(half).reshape(8, 8)[:3].all() and not difference_hash(half).reshape(8, 8)[5:].any()


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    scene(0).save(tmp_path / "b.png")
    with pytest.raises(LabelError, match=r"a\.png"):
        groups_alike(sorted(tmp_path.iterdir()))
    assert groups_alike([]) == [] and groups_alike([tmp_path / "b.png"]) == [0]


def asked(record: str, question: str, boxes: tuple[BoxXYXY, ...]) -> Example:
    shown = (types.Image(Path(record), (9, 9)),)
    return Example(f"{record}#{question}", record, "detection", shown, question, Boxes(boxes), group=question)


def test_the_first_one_keeps_its_labels_unless_the_thing_is_only_in_another() -> None:
    one, other = (0.0, 0.0, 4.0, 4.0), (0.0, 0.0, 4.0, 5.0)
    examples = [asked("a", "cat", (one,)), asked("b", "cat", (other,)), asked("c", "cat", ())]
    near = {"b": "b", "a": "b", "c": "b"}
    kept, why = without_near_repeats(examples, near)
    assert [e.id for e in kept] == ["b#cat", "c#cat"]
    assert why == {"a": "nearly the same image as b", "c": "nearly the same image as b"}


def test_copies_whose_labels_differ_in_spelling_alone_do_not_contradict_each_other() -> None:
    def sum_of(record: str, said: str) -> Example:
        return replace(asked(record, "Sum?", ()), target=types.Label(said))

    same = {"a": "a", "b": "a"}
    kept, why = without_repeats([sum_of("a", "1,000"), sum_of("b", "1000.0")], same)
    assert [e.id for e in kept] == ["a#Sum?"] and why == {"b": "the same image as a"}
    kept, why = without_repeats([sum_of("a", "1,000"), sum_of("b", "1001")], same)
    assert not kept and "different labels" in why["a"] and "different labels" in why["b"]
    assert len(without_near_repeats([sum_of("a", "7"), sum_of("b", "7.0"), sum_of("b", "8")], same)[0]) == 2


def class_examples(root: Path, world: list[tuple[str, int, str]]) -> list[Example]:
    return [
        Example(
            f"p{n:02}",
            f"p{n:02}",
            "classification",
            (types.Image(root / f"{content}{copy}", (9, 8)),),
            "thing",
            Label(name),
            group=name,
        )
        for n, (name, content, copy) in enumerate(world)
    ]


def name_of(example: Example) -> str:
    return example.group


def contents(questions: tuple[Example, ...]) -> list[int]:
    return [int(q.image.path.name[:-1]) for q in questions]


def parts_of(split: Split) -> tuple[tuple[Example, ...], ...]:
    return split.train, split.val, split.heldout


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 11), st.sampled_from("xyz")), min_size=4),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_no_part_has_what_looks_like_anothers(
    files: Path, world: list[tuple[str, int, str]], shots: int, seed: int
) -> None:
    try:
        split = few_shot_split(class_examples(files, world), shots=shots, seed=seed)
    except InputError:
        return
    for one, other in combinations(parts_of(split), 2):
        assert set(contents(one)).isdisjoint(contents(other))
    for part in parts_of(split):
        once = Counter(zip(map(name_of, part), contents(part), strict=True))
        assert max(once.values(), default=1) == 1
    assert set(Counter(map(name_of, split.train)).values()) == {shots}
    used = {q.record_id for part in parts_of(split) for q in part}
    assert used.isdisjoint(
        name
        for name, reason in split.duplicates.items()
        if "different labels" in reason or reason.startswith("the same image")
    )


def test_near_duplicates_can_be_kept_apart(files: Path) -> None:
    world = [(name, content, copy) for name, content in (("a", 0), ("b", 1)) for copy in "xz"]
    examples = class_examples(files, world)
    with pytest.raises(InputError, match=r"2 images look nearly like others.*near_duplicates: false"):
        few_shot_split(examples, shots=1, seed=0)
    split = few_shot_split(examples, shots=1, seed=0, near_duplicates=False)
    assert not split.duplicates and len(split.train) == len(split.heldout) == 2


def test_a_test_image_keeps_its_labels_and_is_not_learned_from(files: Path) -> None:
    world = [("a", n, "x") for n in range(4)] + [("a", 0, "z"), ("a", 1, "z"), ("a", 5, "x")]
    examples = class_examples(files, world)
    stated = {e.id: "train" if n < 4 else "test" for n, e in enumerate(examples)}
    split = few_shot_split(examples, shots=2, seed=0, parts=stated)
    assert set(contents(split.train)) == {2, 3}
    assert [q.id for q in split.heldout] == ["p04", "p05", "p06"]
    assert split.duplicates == {
        "p00": "nearly the same image as p04",
        "p01": "nearly the same image as p05",
    }


def test_a_copy_of_a_near_duplicate_belongs_to_its_group(files: Path) -> None:
    images = {"a": files / "0x", "b": files / "0y", "c": files / "0z", "d": files / "1z"}
    same = same_images(images)
    assert same == {"a": "a", "b": "a", "c": "c", "d": "d"}
    assert near_images({name: images[name] for name in ("c", "a", "d")}) == {"c": "c", "a": "c", "d": "d"}
    world = [("a", 0, "x"), ("a", 0, "y"), ("a", 0, "z"), ("a", 1, "x"), ("a", 2, "x")]
    split = few_shot_split(class_examples(files, world), shots=2, seed=1)
    assert sorted(contents(split.train) + contents(split.heldout)) == [0, 1, 2]
    assert set(split.duplicates) == {"p01", "p02"}


def test_the_sets_of_one_two_and_more_shots_contain_each_other(files: Path) -> None:
    world = [("ab"[content % 2], content, copy) for content in range(12) for copy in "xz"]
    examples = class_examples(files, world)
    trains = [{q.id for q in few_shot_split(examples, shots=k, seed=3).train} for k in range(1, 6)]
    assert [len(train) for train in trains] == [2, 4, 6, 8, 10]
    assert all(fewer < more for fewer, more in pairwise(trains))


def test_a_manifest_gives_the_split_back_in_another_place(tmp_path: Path) -> None:
    images = [(f"{n:02}", with_thing(scene(n), 10 * n), ("hen", "fox")[n % 2]) for n in range(12)]
    images.append(("near", ImageEnhance.Brightness(images[0][1]).enhance(1.05), "hen"))
    write_class_folders(tmp_path / "here", images)
    task = load_task("classification")
    split = few_shot_split(
        task.examples(load_dataset(tmp_path / "here", task.needs).records), shots=2, seed=8
    )
    assert list(split.duplicates.values()) == ["nearly the same image as hen/00.png"]
    saved = json.loads(json.dumps(manifest(split)))
    assert saved["duplicates"] == split.duplicates
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = split_from_manifest(task.examples(load_dataset(tmp_path / "there", task.needs).records), saved)
    for part, kept in zip(parts_of(moved), parts_of(split), strict=True):
        assert [q.id for q in part] == [q.id for q in kept]
        assert all("there" in q.image.path.parts for q in part)
    assert manifest(moved) == saved
