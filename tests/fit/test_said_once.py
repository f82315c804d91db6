"""What a fit says of its data, it says once."""

from __future__ import annotations

import io
import json

from vrft.distributed import SINGLE_PROCESS
from vrft.miniature.folders import write_classification
from vrft.progress import LineReporter
from vrft.workflows.fit_pipeline import FitPipeline
from vrft.workflows.fit_settings import FitSettings


def test_a_class_with_too_few_images_is_said_once(tmp_path):
    photos = write_classification(tmp_path / "photos", 0, ("one", "two", "three"), train=3, val=1, heldout=1)
    for image in sorted(photos.rglob("three/*.png"))[1:]:
        image.unlink()
    said = io.StringIO()
    settings = FitSettings(data=photos, task="classification", shots=2)
    pipeline = FitPipeline(settings, tmp_path / "fit", LineReporter(said), SINGLE_PROCESS)
    pipeline.open(resume=False)
    pipeline.examine()
    assert len([line for line in said.getvalue().splitlines() if "needed)" in line]) == 1, said.getvalue()
    codes = [finding["code"] for finding in json.loads((tmp_path / "fit" / "check.json").read_text())]
    assert "too-few-images" in codes
