"""Time and memory of importing and splitting a large COCO dataset, and of the pass over its images.

    python benchmarks/import_speed.py [--images 100000] [--files 2000] [--folder DIR] [--out FOLDER | --save]

Writes a COCO json of 100,000 images with polygons and areas as ``instances_train2017.json`` has them, seven
boxes per image over 80 categories, and an empty file for each image, since labels alone are read here:
widths and heights are the json's. A fresh process on one core reads it and draws a four-shot split, as if no
two images were alike. The pass over the images, which tells whether they are, is measured apart on 2,000
PNG and JPEG files of 640 x 480 pixels: with one thread, with all, and from its cache. Exit status 1 above
60 seconds or 2 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from PIL import Image
from result_file import RESULTS, facts, result_parser, write_result

from vrft.data.dataset import load_dataset
from vrft.data.fingerprints import HASH_BITS, SIDE, Fingerprint, Fingerprints, ImageSignature, fingerprints
from vrft.data.splits.few_shot import few_shot_split
from vrft.data.splits.manifest import manifest
from vrft.tasks.registry import load_task

RESULT = RESULTS / "import_speed.json"
BOXES, CATEGORIES, SHOTS, WH = 7, 80, 4, (640, 480)
MOST_SECONDS, MOST_GB = 60.0, 2.0
EMPTY = ImageSignature(np.zeros(HASH_BITS, bool), np.zeros((SIDE, SIDE, 3), np.uint8))


def write_labels(folder: Path, n_images: int) -> None:
    """A COCO json in the real format, and a file for each of its images."""
    draw = np.random.default_rng(0)
    width, height = WH
    images, annotations = [], []
    (folder / "annotations").mkdir(parents=True)
    (folder / "train2017").mkdir()
    numbers = count(1)
    for number in range(1, n_images + 1):
        name = f"{number:012}.jpg"
        (folder / "train2017" / name).touch()
        images.append(
            {
                "license": 1,
                "file_name": name,
                "coco_url": f"http://images.cocodataset.org/train2017/{name}",
                "height": height,
                "width": width,
                "date_captured": "2013-11-14 16:28:13",
                "flickr_url": f"http://farm4.staticflickr.com/3153/{number}_z.jpg",
                "id": number,
            }
        )
        sides = draw.uniform(20, 200, (BOXES, 2)).round(2)
        starts = (draw.random((BOXES, 2)) * (np.array(WH) - sides)).round(2)
        # Few categories are frequent and many are rare, as in COCO.
        kinds = 1 + (CATEGORIES * draw.random(BOXES) ** 2).astype(int)
        for (x, y), (w, h), kind in zip(starts.tolist(), sides.tolist(), kinds.tolist(), strict=True):
            outline = [x, y + h / 2, x + w / 3, y, x + w, y + h / 3, x + w, y + h, x + w / 2, y + h]
            annotations.append(
                {
                    "segmentation": [[round(value, 2) for value in outline]],
                    "area": round(w * h, 4),
                    "iscrowd": 0,
                    "image_id": number,
                    "bbox": [x, y, w, h],
                    "category_id": kind,
                    "id": next(numbers),
                }
            )
    categories = [{"supercategory": "thing", "id": n, "name": f"thing {n}"} for n in range(1, CATEGORIES + 1)]
    sheet = {
        "info": {},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    (folder / "annotations" / "instances_train2017.json").write_text(json.dumps(sheet), "utf-8")


def write_images(folder: Path, files: int) -> dict[str, Path]:
    """Soft scenes with a little noise, half of them PNG and half JPEG."""
    folder.mkdir()
    images: dict[str, Path] = {}
    for number in range(files):
        draw = np.random.default_rng(number)
        patches = draw.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        scene = np.asarray(Image.fromarray(patches).resize(WH, Image.Resampling.BICUBIC)).astype(np.int16)
        noisy = np.clip(scene + draw.integers(-4, 5, scene.shape), 0, 255).astype(np.uint8)
        path = folder / f"{number:05}.{('png', 'jpg')[number % 2]}"
        Image.fromarray(noisy).save(path)
        images[path.name] = path
    return images


def labels_alone(folder: Path) -> dict[str, Any]:
    """Read and split in this process, which has done nothing else, on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    task = load_task("detection")
    began, cpu_began = perf_counter(), process_time()
    dataset = load_dataset(folder, task.needs)
    read = perf_counter()
    examples = task.examples(dataset.records)
    prints: Fingerprints = {r.id: Fingerprint(f"{n:064x}", WH, EMPTY) for n, r in enumerate(dataset.records)}
    split = few_shot_split(
        examples, shots=SHOTS, seed=0, parts=dataset.parts, near_duplicates=False, prints=prints
    )
    listed = len(manifest(split, prints)["images"])
    ended = perf_counter()
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "images": len(dataset.records),
        "boxes": sum(len(record.annotations) for record in dataset.records),
        "questions": len(examples),
        "split": {part: len(getattr(split, part)) for part in ("train", "val", "heldout")},
        "images_of_the_split": listed,
        "seconds_of_reading": round(read - began, 1),
        "seconds_of_splitting": round(ended - read, 1),
        "seconds": round(ended - began, 1),
        "cpu_seconds": round(process_time() - cpu_began, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 2),
        "most_seconds": MOST_SECONDS,
        "most_gb": MOST_GB,
    }


def images_themselves(folder: Path, files: int) -> dict[str, Any]:
    """The pass over real files, with one thread and all, and a second time from the cache."""
    images, cache = write_images(folder, files), folder / "cache.sqlite"

    def seconds(**settings: Any) -> float:
        began = perf_counter()
        found = fingerprints(images, **settings)
        assert all(isinstance(one, Fingerprint) for one in found.values())
        return round(perf_counter() - began, 2)

    return {
        "files": files,
        "megabytes": round(sum(path.stat().st_size for path in images.values()) / 1e6, 1),
        "seconds_one_thread": seconds(threads=1),
        "seconds_all_threads": seconds(cache=cache),
        "seconds_from_cache": seconds(cache=cache),
        "cache_megabytes": round(cache.stat().st_size / 1e6, 1),
        "processors": os.cpu_count(),
    }


def measure(folder: Path, n_images: int, files: int) -> dict[str, Any]:
    """Both measurements, with what they were taken on."""
    write_labels(folder / "coco", n_images)
    command = [sys.executable, __file__, "--labels-of", str(folder / "coco")]
    alone = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {
        "labels_alone": alone,
        "images_themselves": images_themselves(folder / "files", files),
        **facts(),
    }


def main() -> None:
    """Measure and print."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--images", type=int, default=100_000, help="in the json")
    parser.add_argument("--files", type=int, default=2_000, help="that are read themselves")
    parser.add_argument("--folder", type=Path, help="where to write the data; a temporary one, removed")
    parser.add_argument("--labels-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.labels_of is not None:
        print(json.dumps(labels_alone(options.labels_of)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = measure(Path(folder), options.images, options.files)
    write_result(options, RESULT, found)
    alone, themselves = found["labels_alone"], found["images_themselves"]
    print(f"{alone['images']} images read and split in {alone['seconds']} s with {alone['peak_gb']} GB; "
          f"{themselves['files']} files fingerprinted in {themselves['seconds_all_threads']} s, "
          f"from the cache in {themselves['seconds_from_cache']} s")  # fmt: skip
    raise SystemExit(alone["seconds"] > MOST_SECONDS or alone["peak_gb"] > MOST_GB)


if __name__ == "__main__":
    main()
