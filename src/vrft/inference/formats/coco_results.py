"""COCO: a whole file with scored annotations, or the list of results for a file that exists.

Format: https://cocodataset.org/#format-results. ``pycocotools.COCO(file).loadRes`` takes the list of results
and the annotations of the whole file. Objects have their masks as run lengths where a segmenter made them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from vrft.data.label_checks import some
from vrft.errors import InputError, LabelError
from vrft.geometry.masks import mask_area
from vrft.inference.formats.prediction_format import PredictionFormat, Setting, Write, scored_boxes
from vrft.types import Boxes, Example, Mask, Prediction, Regions
from vrft.types.names import nfc

Id = int | str


@dataclass(frozen=True)
class Ids:
    """Numbers of images and categories, by name."""

    images: Mapping[str, Id]
    categories: Mapping[str, Id]


def _opened(examples: Sequence[Example], setting: Setting) -> Write:
    """Numbers are those of the file that is given, or count from 1."""
    if setting.against is not None:
        given = _given(setting.against, examples)
        return lambda predictions: _results(predictions, given)
    images = dict.fromkeys(example.record_id for example in examples)
    asked = dict.fromkeys(example.question for example in examples)
    ids = Ids({name: n for n, name in enumerate(images, 1)}, {q: n for n, q in enumerate(asked, 1)})
    return lambda predictions: _whole(predictions, ids)


def _results(predictions: Sequence[Prediction], ids: Ids) -> list[dict[str, Any]]:
    return [
        {
            "image_id": ids.images[one.example.record_id],
            "category_id": ids.categories[one.example.question],
            **fields,
        }
        for one in predictions
        for fields in (*_boxes(one), *_objects(one))
    ]


def _boxes(one: Prediction) -> Iterator[dict[str, Any]]:
    for (x1, y1, x2, y2), score in scored_boxes(one):
        yield {"bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}


def _objects(one: Prediction) -> Iterator[dict[str, Any]]:
    """Objects have no confidence: each has a score of 1."""
    regions = one.answer.as_(Regions)
    for found in regions.objects if regions is not None else ():
        x1, y1, x2, y2 = found.xyxy_px
        fields: dict[str, Any] = {"bbox": [x1, y1, x2 - x1, y2 - y1], "score": 1.0}
        if found.mask is not None:
            fields["segmentation"] = found.mask.rle
        yield fields


def _whole(predictions: Sequence[Prediction], ids: Ids) -> dict[str, Any]:
    sizes = {one.example.record_id: one.example.image.size_wh for one in predictions}
    images = [
        {"id": ids.images[name], "file_name": name, "width": width, "height": height}
        for name, (width, height) in sizes.items()
    ]
    annotations = [
        {"id": number, **result, "area": _area(result), "iscrowd": 0}
        for number, result in enumerate(_results(predictions, ids), 1)
    ]
    categories = [{"id": number, "name": name} for name, number in ids.categories.items()]
    return {"images": images, "categories": categories, "annotations": annotations}


def _area(result: Mapping[str, Any]) -> float:
    if (runs := result.get("segmentation")) is not None:
        return float(mask_area(Mask(tuple(runs["size"]), runs["counts"])))
    width, height = result["bbox"][2:]
    return float(width * height)


def _given(file: Path, examples: Sequence[Example]) -> Ids:
    """The ids of a file, for the images and questions that are asked about."""
    given = _parsed(file)
    entries = {nfc(str(entry["file_name"])): entry for entry in given["images"]}
    categories = {nfc(str(entry["name"]).strip()): entry["id"] for entry in given["categories"]}
    records = {example.record_id: example.image.size_wh for example in examples}
    named, unclear = _matched(list(records), list(entries))
    images: dict[str, Id] = {record: entries[name]["id"] for record, name in named.items()}
    sizes = []
    for record, name in named.items():
        noted = (entries[name].get("width"), entries[name].get("height"))
        sizes += [] if noted == records[record] or None in noted else [record]
    lacking = {
        "It lacks the images": [name for name in records if name not in images and name not in unclear],
        "Its names of images do not say which is which of": sorted(unclear),
        "The file lacks the categories": [e.question for e in examples if e.question not in categories],
        "The file gives another size for": sizes,
    }
    found = [f"{what} {some(list(dict.fromkeys(names)))}." for what, names in lacking.items() if names]
    if found:
        fix = "Use its images and its names of categories; write the folders into its 'file_name'."
        raise LabelError(" ".join(found), str(file), fix)
    return Ids(images, categories)


def _matched(records: Sequence[str], names: Sequence[str]) -> tuple[dict[str, str], set[str]]:
    """The name in the file of each record, by their paths, and the records for which it is not clear.

    A name belongs to a record where one path ends with the other; an equal one, and then the longest that
    they share, goes first, and a name belongs to one record at most.
    """
    by_last: dict[str, list[str]] = {}
    for name in names:
        by_last.setdefault(PurePosixPath(name).name, []).append(name)
    found: dict[str, str] = {}
    unclear: set[str] = set()
    for record in records:
        path = nfc(record)
        fit = [name for name in by_last.get(PurePosixPath(path).name, ()) if _ends_alike(path, name)]
        longest = max((min(_depth(name), _depth(path)) for name in fit), default=0)
        best = [name for name in fit if min(_depth(name), _depth(path)) == longest]
        best = [name for name in best if name == path] or best
        found |= {record: best[0]} if len(best) == 1 else {}
        unclear |= {record} if len(best) > 1 else set()
    owners = Counter(found.values())
    exact = {name for record, name in found.items() if nfc(record) == name}
    for record, name in list(found.items()):
        if owners[name] > 1 and not (name in exact and nfc(record) == name):
            del found[record]
            unclear |= {record} if name not in exact else set()
    return found, unclear


def _depth(path: str) -> int:
    return len(PurePosixPath(path).parts)


def _ends_alike(first: str, other: str) -> bool:
    """Whether one path ends with the other, folder by folder."""
    short, long = sorted((PurePosixPath(first).parts, PurePosixPath(other).parts), key=len)
    return long[len(long) - len(short) :] == short


def _parsed(file: Path) -> Mapping[str, Any]:
    try:
        given = json.loads(file.read_bytes())
        complete = [("images", "file_name"), ("categories", "name")]
        if all(isinstance(entry["id"], Id) and entry[key] for part, key in complete for entry in given[part]):
            return dict(given)
    except OSError as error:
        raise InputError(f"{file}: the COCO file cannot be read ({error}). Check the path.") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise LabelError("This is not a COCO file.", str(file), "Give one with 'images' and 'categories'.")


FORMAT = PredictionFormat("coco", _opened, frozenset({Boxes.kind, Regions.kind}), takes_ids=True)
