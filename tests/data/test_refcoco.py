"""RefCOCO in its release's form; a pickle with a program in it is refused and never runs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from labelled import PHRASES, phrases

from vrft.data.dataset import load_dataset
from vrft.errors import LabelError


def ref(number: int, ann_id: int, split: str, *said: str) -> dict[str, Any]:
    return {
        "sent_ids": list(range(len(said))),
        "file_name": f"COCO_train2014_000000000001_{number}.jpg",
        "ann_id": ann_id,
        "ref_id": number,
        "image_id": 1,
        "split": split,
        "sentences": [
            {"tokens": text.split(), "raw": text.upper(), "sent_id": n, "sent": text}
            for n, text in enumerate(said)
        ],
        "category_id": 1,
    }


REFS = [
    ref(0, 101, "train", "left cat", "the grey one"),
    ref(1, 102, "train", "right cat"),
    ref(2, 201, "testA", "man"),
]


@pytest.fixture
def release(tmp_path: Path, make_image: Any, make_coco: Any) -> Path:
    """The folder 'refcoco' with two images; a third one lacks its file and no ref is about it."""
    names = [f"COCO_train2014_{number:012}.jpg" for number in (1, 2, 3)]
    for shade, name in enumerate(names[:2]):
        make_image(f"refcoco/train2014/{name}", shade=shade)
    file = make_coco("refcoco/instances.json", [(name, 40, 30) for name in names], [])
    sheet = json.loads(file.read_text())
    boxes = {101: (1, [0, 0, 10, 10]), 102: (1, [20, 5.5, 10, 10]), 103: (1, [0, 0, 0, 0])}
    boxes |= {201: (2, [4, 4, 8, 8]), 301: (3, [0, 0, 5, 5])}
    sheet["annotations"] = [
        {"id": number, "image_id": image, "category_id": 1, "bbox": bbox, "iscrowd": 0}
        for number, (image, bbox) in boxes.items()
    ]
    file.write_text(json.dumps(sheet))
    return file.parent


def save(folder: Path, refs: Any, name: str = "refs(unc).p", protocol: int = 0) -> None:
    (folder / name).write_bytes(pickle.dumps(refs, protocol))


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_phrases_about_one_object_share_its_box(release: Path, protocol: int) -> None:
    save(release, REFS, protocol=protocol)
    dataset = load_dataset(release, PHRASES)
    assert dataset.format == "refcoco"
    cats, man = dataset.records
    assert cats.id == "train2014/COCO_train2014_000000000001.jpg"
    assert phrases(cats) == [
        ("left cat", ((0.0, 0.0, 10.0, 10.0),)),
        ("the grey one", ((0.0, 0.0, 10.0, 10.0),)),
        ("right cat", ((20.0, 5.5, 30.0, 15.5),)),
    ]
    assert [text for text, _ in phrases(man)] == ["man"]
    assert dataset.parts == {cats.id: "train", man.id: "test"}
    assert dataset.warnings == ()


def test_a_pickle_of_python_2_is_read(release: Path) -> None:
    # As 'pickle.dump' of Python 2 writes byte strings, texts and long numbers.
    pickled = b"(lp0\n(dp1\nS'ann_id'\np2\nL201L\nsS'ref_id'\np3\nI7\nsS'split'\np4\nS'val'\np5\ns"
    pickled += b"S'sentences'\np6\n(lp7\n(dp8\nS'sent'\np9\nVm\\u00e4n\np10\nsasa."
    (release / "refs(unc).p").write_bytes(pickled)
    dataset = load_dataset(release, PHRASES)
    assert [text for text, _ in phrases(dataset.records[0])] == ["män"]
    assert list(dataset.parts.values()) == ["val"]


def test_json_is_read_alike_and_named_by_its_path(release: Path) -> None:
    save(release, REFS)
    (release / "refs(google).json").write_text(json.dumps(REFS[:1]))
    with pytest.raises(LabelError, match=r"several lists.*google.*unc"):
        load_dataset(release, PHRASES)
    dataset = load_dataset(release / "refs(google).json")
    assert [text for r in dataset.records for text, _ in phrases(r)] == ["left cat", "the grey one"]
    assert len(load_dataset(release / "refs(unc).p").records) == 2


def test_the_release_layout_with_images_beside_the_labels(release: Path, tmp_path: Path) -> None:
    save(release, REFS)
    images = tmp_path / "images/mscoco/images/train2014"
    images.parent.mkdir(parents=True)
    (release / "train2014").rename(images)
    for path in (release, tmp_path, release / "refs(unc).p"):
        dataset = load_dataset(path, PHRASES)
        assert dataset.records[0].image.path == images / "COCO_train2014_000000000001.jpg"
        assert dataset.records[0].id == "images/mscoco/images/train2014/COCO_train2014_000000000001.jpg"


def test_a_image_in_two_parts_goes_to_the_stricter_one(release: Path) -> None:
    save(release, [REFS[0], {**REFS[1], "split": "val"}, REFS[2]])
    dataset = load_dataset(release, PHRASES)
    assert dataset.parts["train2014/COCO_train2014_000000000001.jpg"] == "val"
    assert "COCO_train2014_000000000001.jpg" in dataset.warnings[0]


class Program:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_program_in_a_pickle_never_runs(
    release: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(release)
    save(release, [Program()], protocol=protocol)
    with pytest.raises(LabelError, match="holds a program"):
        load_dataset(release, PHRASES)
    assert not (release / "ran").exists()
    pickle.loads((release / "refs(unc).p").read_bytes())
    assert (release / "ran").exists()


@pytest.mark.parametrize(
    ("refs", "said"),
    [
        ([ref(4, 999, "train", "dog")], "ref 4: The ann_id 999 is not among"),
        ([ref(4, 301, "train", "dog")], r"'COCO_train2014_000000000003\.jpg' is missing"),
        ([ref(4, 103, "train", "dog")], "annotation 103 .*no area"),
        ([ref(4, 101, "train", "dog", " ")], "ref 4: One of its sentences has no text"),
        ([ref(4, 101, "train")], "ref 4: One of its sentences has no text"),
        ([{**ref(4, 101, "train", "dog"), "sentences": 5}], "ref 4: One of its sentences has no text"),
        ([{**ref(4, 101, "train", "dog"), "ann_id": None}], "ref 4: The ref has no 'ann_id'"),
        (["dog"], "ref 1: The ref has no 'ann_id'"),
        ({"refs": []}, "no list of refs"),
    ],
)
def test_broken_refs_are_refused(release: Path, refs: Any, said: str) -> None:
    save(release, refs)
    with pytest.raises(LabelError, match=said):
        load_dataset(release, PHRASES)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x02", b"\xff" * 40, b"(lp0\nS'\xe4'\na."])
def test_damaged_pickles_are_refused(release: Path, content: bytes) -> None:
    (release / "refs(unc).p").write_bytes(content)
    with pytest.raises(LabelError, match="cannot be read"):
        load_dataset(release, PHRASES)


def test_two_annotations_of_one_number_are_refused(release: Path) -> None:
    file = release / "instances.json"
    sheet = json.loads(file.read_text())
    sheet["annotations"].append({**sheet["annotations"][0], "image_id": 2})
    file.write_text(json.dumps(sheet))
    save(release, REFS)
    with pytest.raises(LabelError, match=r"annotation 101.*Two annotations"):
        load_dataset(release, PHRASES)
