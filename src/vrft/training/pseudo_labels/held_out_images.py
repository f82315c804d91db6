"""Which questions may not be learned from: the picture is held out, or the label is known."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vrft.data.duplicates import near_pictures, same_pictures
from vrft.data.fingerprints import Fingerprint, fingerprints, read_prints
from vrft.data.label_checks import check_size, raise_all
from vrft.errors import LabelError
from vrft.progress import Narrator
from vrft.training.pseudo_labels.outcome import Outcome
from vrft.types import Example


class Pictures:
    """The pictures that are held out, labelled or asked about, by what they show."""

    def __init__(
        self,
        asked: Iterable[Example],
        labelled: Sequence[Example],
        held_out: Mapping[str, Path],
        *,
        near_duplicates: bool = True,
        cache: Path | None = None,
        narrator: Narrator | None = None,
    ) -> None:
        """Read the pictures, each once.

        Args:
            asked: questions that could get a pseudo-label.
            labelled: the questions that training has labels for.
            held_out: pictures for validation and for the test, by record id.
            near_duplicates: whether pictures that look nearly the same count as one.
            cache: a file that keeps fingerprints for the next time.
            narrator: where progress goes.

        Raises:
            LabelError: a picture that was asked about cannot be read, or has another size than the answers
                are for; all such pictures are told together.
        """
        sizes = dict.fromkeys((_name(e.image), e.image_wh) for e in asked)
        wanted = {name for name, _ in sizes}
        known = {_name(path) for path in (*held_out.values(), *(e.image for e in labelled))}
        images = {name: Path(name) for name in sorted(known | wanted)}
        prints = fingerprints(images, cache, narrator)
        # A picture that cannot be read is no copy of one that can.
        unread = {name for name in known - wanted if isinstance(prints[name], LabelError)}
        read = read_prints(prints, [name for name in images if name not in unread])
        raise_all(_wrong_sizes(sizes, read))
        shown = {name: images[name] for name in read}
        self._same = near_pictures(shown, read) if near_duplicates else same_pictures(shown, read)
        self._content = {name: found.sha256 for name, found in read.items()}
        self._held_names = frozenset(held_out)
        self._held = {self._same[n] for n in map(_name, held_out.values()) if n in self._same}
        self._labelled = {
            (self._same[_name(e.image)], _asks(e)) for e in labelled if _name(e.image) in self._same
        }
        self._seen: set[tuple[str, str]] = set()

    def refused(self, question: Example) -> Outcome | None:
        """Why a question may not get a pseudo-label; None where it may.

        Args:
            question: one of those asked; the next time it is a repetition.
        """
        name = _name(question.image)
        if question.record_id in self._held_names or self._same[name] in self._held:
            return Outcome.HELD_OUT
        if (self._same[name], _asks(question)) in self._labelled:
            return Outcome.LABELLED
        key = (self._content[name], _asks(question))
        if key in self._seen:
            return Outcome.REPEATED
        self._seen.add(key)
        return None


def _asks(question: Example) -> str:
    """What is asked about a picture: its class is one thing, whatever the kind of thing is called."""
    return "" if question.task == "classification" else question.question


def _name(path: Path) -> str:
    """One name for each file, however its path is written; links to it are found by their content."""
    return os.path.abspath(path)


def _wrong_sizes(
    sizes: Iterable[tuple[str, tuple[int, int]]], prints: Mapping[str, Fingerprint]
) -> list[LabelError]:
    mistakes: list[LabelError] = []
    for name, image_wh in sizes:
        try:
            check_size(image_wh, prints[name].seen_wh, name)
        except LabelError as mistake:
            mistakes.append(mistake)
    return mistakes
