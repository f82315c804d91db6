"""COCO json: a whole sheet with scores, or the list of results for a sheet that exists.

Format: https://cocodataset.org/#format-results. ``pycocotools.COCO(sheet).loadRes`` takes the list of results
and the annotations of the whole sheet.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from vrft.data.label_checks import some
from vrft.errors import InputError, LabelError
from vrft.inference.formats.prediction_format import Prediction, Setting, Write
from vrft.types import Example

Id = int | str


@dataclass(frozen=True)
class Ids:
    """Numbers of pictures and categories, by name."""

    pictures: Mapping[str, Id]
    categories: Mapping[str, Id]


class Coco:
    """Boxes. The category is what was asked for: a category, or a whole expression."""

    name = "coco"
    tasks = frozenset({"detection", "grounding"})
    takes_ids = True

    def opened(self, examples: Sequence[Example], setting: Setting) -> Write:
        """Numbers are those of the json that is given, or count from 1."""
        if setting.against is None:
            pictures = {example.record_id: example for example in examples}
            asked = dict.fromkeys(example.question for example in examples)
            ids = Ids({name: n for n, name in enumerate(pictures, 1)}, {q: n for n, q in enumerate(asked, 1)})
            return lambda predictions: _sheet(predictions, ids)
        given = _given(setting.against, examples)
        return lambda predictions: _results(predictions, given)


def _results(predictions: Sequence[Prediction], ids: Ids) -> list[dict[str, Any]]:
    return [
        {
            "image_id": ids.pictures[one.picture],
            "category_id": ids.categories[one.example.question],
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": score,
        }
        for one in predictions
        if one.answer.parsed
        for (x1, y1, x2, y2), score in zip(one.answer.boxes_xyxy_px, one.answer.confidences, strict=True)
    ]


def _sheet(predictions: Sequence[Prediction], ids: Ids) -> dict[str, Any]:
    sizes = {one.picture: one.example.image_wh for one in predictions}
    images = [
        {"id": ids.pictures[name], "file_name": name, "width": width, "height": height}
        for name, (width, height) in sizes.items()
    ]
    annotations = [
        {"id": number, **result, "area": result["bbox"][2] * result["bbox"][3], "iscrowd": 0}
        for number, result in enumerate(_results(predictions, ids), 1)
    ]
    categories = [{"id": number, "name": name} for name, number in ids.categories.items()]
    return {"images": images, "categories": categories, "annotations": annotations}


def _given(file: Path, examples: Sequence[Example]) -> Ids:
    """The ids of a json, for the pictures and questions that are asked about.

    Raises:
        LabelError: it is no COCO json, or lacks one of them.
    """
    sheet = _parsed(file)
    by_name = {str(entry["file_name"]): entry for entry in sheet["images"]}
    lasts = Counter(PurePosixPath(name).name for name in by_name)
    by_last = {PurePosixPath(name).name: entry for name, entry in by_name.items()}
    categories = {str(entry["name"]).strip(): entry["id"] for entry in sheet["categories"]}
    pictures: dict[str, Id] = {}
    sizes: list[str] = []
    for example in examples:
        name, last = example.record_id, PurePosixPath(example.record_id).name
        entry = by_name.get(name) or (by_last[last] if lasts[last] == 1 else None)
        if entry is not None:
            pictures[name] = entry["id"]
            told = (entry.get("width"), entry.get("height"))
            sizes += [] if told == example.image_wh or None in told else [name]
    lacking = {
        "It lacks the pictures": [e.record_id for e in examples if e.record_id not in pictures],
        "It lacks the categories": [e.question for e in examples if e.question not in categories],
        "It has another size for": sizes,
    }
    found = [f"{what} {some(list(dict.fromkeys(names)))}." for what, names in lacking.items() if names]
    if found:
        raise LabelError(" ".join(found), str(file), "Ask about what it has, by its own names.")
    return Ids(pictures, categories)


def _parsed(file: Path) -> Mapping[str, Any]:
    try:
        sheet = json.loads(file.read_bytes())
        complete = [("images", "file_name"), ("categories", "name")]
        if all(isinstance(entry["id"], Id) and entry[key] for part, key in complete for entry in sheet[part]):
            return dict(sheet)
    except OSError as error:
        raise InputError(f"{file}: the json cannot be read ({error}).") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise LabelError("It is no COCO json.", str(file), "Give one with 'images' and 'categories'.")


FORM = Coco()
