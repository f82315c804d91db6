"""Which questions may not be learned from: the image is held out, or the label is known."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vrft.data.duplicates import near_images, same_images
from vrft.data.fingerprints import fingerprints, read_prints
from vrft.data.label_checks import check_size, raise_all
from vrft.errors import LabelError
from vrft.progress import ProgressReporter
from vrft.tasks.registry import task_of
from vrft.training.pseudo_labels.pseudo_options import Outcome
from vrft.types import Example


class Images:
    """The images that are held out, labelled or asked about, by what they show; each is read once.

    A LabelError has all images that were asked about and cannot be read, or have changed their size.
    """

    def __init__(
        self,
        asked: Iterable[Example],
        labelled: Sequence[Example],
        held_out: Mapping[str, Path],
        near_duplicates: bool,
        cache: Path | None,
        reporter: ProgressReporter | None,
    ) -> None:
        sizes = dict.fromkeys((_name(e.image.path), e.image.size_wh) for e in asked)
        wanted = {name for name, _ in sizes}
        known = {_name(path) for path in (*held_out.values(), *(e.image.path for e in labelled))}
        images = {name: Path(name) for name in sorted(known | wanted)}
        prints = fingerprints(images, cache, reporter)
        # An image that cannot be read is not a copy of one that can.
        unread = {name for name in known - wanted if isinstance(prints[name], LabelError)}
        read = read_prints(prints, [name for name in images if name not in unread])
        mistakes: list[LabelError] = []
        for name, image_wh in sizes:
            try:
                check_size(image_wh, read[name].seen_wh, name)
            except LabelError as mistake:
                mistakes.append(mistake)
        raise_all(mistakes)
        shown = {name: images[name] for name in read}
        self._same = near_images(shown, read) if near_duplicates else same_images(shown, read)
        self._content = {name: found.sha256 for name, found in read.items()}
        self._held_names = frozenset(held_out)
        self._held = {self._same[n] for n in map(_name, held_out.values()) if n in self._same}
        named = ((_name(e.image.path), e) for e in labelled)
        self._labelled = {(self._same[name], _asks(e)) for name, e in named if name in self._same}
        self._seen: set[tuple[str, tuple[str, str]]] = set()

    def refused(self, question: Example) -> Outcome | None:
        """Why a question may not get a pseudo-label; None where it may. The next time it is a repetition."""
        name = _name(question.image.path)
        if question.record_id in self._held_names or self._same[name] in self._held:
            return Outcome.HELD_OUT
        if (self._same[name], _asks(question)) in self._labelled:
            return Outcome.LABELLED
        key = (self._content[name], _asks(question))
        if key in self._seen:
            return Outcome.REPEATED
        self._seen.add(key)
        return None


def _asks(question: Example) -> tuple[str, str]:
    """The task, and what it asks about an image: of a whole image one thing, whatever it is called."""
    whole = {about for about, _ in task_of(question).needs} == {"image"}
    return question.task, "" if whole else question.question


def _name(path: Path) -> str:
    """One name for each file, however its path is written; links to it are found by their content."""
    return os.path.abspath(path)
