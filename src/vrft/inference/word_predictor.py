"""SAM 3 as a rival that trains nothing: it is asked with the words of each question.

::

    from pathlib import Path

    from vrft.data.dataset import labels_for
    from vrft.evaluation.predictor import write_predictions
    from vrft.inference.evaluate import evaluate
    from vrft.inference.word_predictor import WordPredictor
    from vrft.tasks.registry import load_task

    task = load_task("segmentation")
    questions = task.examples(labels_for(task, "photos").records)
    write_predictions(Path("sam3.jsonl"), evaluate(WordPredictor("facebook/sam3"), questions))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vrft.data.images import open_rgb
from vrft.errors import InputError
from vrft.models.word_segmenter import THRESHOLD, WordSegmenter
from vrft.tasks.registry import task_of
from vrft.types import Answer, Boxes, Example, ObjectRegion, Prediction, Regions


class WordPredictor:
    """Answers questions for objects or boxes with what SAM 3 finds by their words alone.

    Args:
        source: a folder or hub id of SAM 3.
        threshold: least score of a thing.
        device: 'auto', or a torch device.
    """

    name = "SAM 3 by words"

    def __init__(self, source: str, threshold: float = THRESHOLD, device: str = "auto") -> None:
        self._segmenter, self._threshold = WordSegmenter.load(source, device), threshold

    def predict(self, examples: Sequence[Example], batch: int = 0) -> Iterator[Prediction]:
        """One prediction for each question; InputError where a task asks for something else."""
        for example in examples:
            kind = task_of(example).answer.kind
            if kind not in (Regions.kind, Boxes.kind):
                raise InputError(f"{example.task}: SAM 3 finds objects and boxes, and no {kind}.")
            image = open_rgb(example.image.path)
            named = example.options or (example.question,)
            find = self._segmenter.find
            each = [(one, name) for name in named for one in find(image, name, self._threshold)]
            found = [one for one, _ in each]
            value = Regions(tuple(ObjectRegion(one.xyxy_px, (), one.mask) for one in found))
            labels = tuple(name for _, name in each) if example.options else ()
            boxes = Boxes(tuple(one.xyxy_px for one in found), tuple(one.score for one in found), labels)
            yield Prediction(example, Answer(value if kind == Regions.kind else boxes, True))
