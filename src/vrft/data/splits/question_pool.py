"""Choosing images and questions for the parts of a few-shot split, all classes alike.

What is drawn by a seed depends on names alone, not on the order or number of other things.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from vrft.tasks.lazy_questions import LazyQuestionGrid
from vrft.types import Example

T = TypeVar("T")


def seeded_order(names: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Every name once, in an order that looks random; orders for different purposes are independent."""

    def place(name: str) -> bytes:
        return hashlib.sha256("\0".join((str(seed), purpose, name)).encode()).digest()

    return sorted(set(names), key=place)


def in_turn(queues: Iterable[Iterable[T]]) -> Iterator[T]:
    """The first of every queue, then the second of every queue, and so on; nothing is looked at too early."""
    waiting: Iterable[Iterator[T]] = map(iter, queues)
    while True:
        served: list[Iterator[T]] = []
        for queue in waiting:
            for item in islice(queue, 1):
                yield item
                served.append(queue)
        if not served:
            return
        waiting = served


def take_in_turn(queues: Mapping[str, Iterable[T]], count: int | None = None) -> list[T]:
    """At most ``count`` items of several queues, one from each in turn, so that all are served alike."""
    return list(islice(in_turn(queues.values()), count if count is None else max(count, 0)))


@dataclass(frozen=True)
class Pool:
    """Questions by class and image, each class's images in its own seeded order."""

    classes: tuple[str, ...]
    """Classes with a positive question, in a seeded order."""
    positive: Mapping[str, Mapping[str, Sequence[Example]]]
    """Class, image in seeded order, its questions in seeded order."""
    negative: Mapping[str, Mapping[str, Sequence[Example]]]
    image_of: Mapping[str, str]
    """The image that a question is about, by the question's id."""
    unlisted: LazyQuestionGrid
    """Further questions about absent things: of images that no other record shows, by category."""
    seed: int

    @classmethod
    def of(
        cls, examples: Iterable[Example], same: Mapping[str, str], unlisted: LazyQuestionGrid, seed: int
    ) -> Pool:
        """Sort questions, each asked once per image, by class and image."""
        sorted_out: dict[bool, dict[str, defaultdict[str, list[Example]]]] = {True: {}, False: {}}
        image_of: dict[str, str] = {}
        for example in examples:
            asks = sorted_out[example.is_positive].setdefault(example.group, defaultdict(list))
            asks[same[example.record_id]].append(example)
            image_of[example.id] = same[example.record_id]
        positive, negative = (
            {name: _seeded(asks, seed, f"{there} {name}") for name, asks in sorted_out[there].items()}
            for there in (True, False)
        )
        classes = tuple(seeded_order(positive, seed, "classes"))
        return cls(classes, positive, negative, image_of, unlisted, seed)

    @property
    def asks_of_absent(self) -> bool:
        """Whether there is any question about an absent thing of the classes."""
        return any(self.negative.get(name) for name in self.classes) or any(
            self.unlisted.is_absent(image, name) for image in self.unlisted.images for name in self.classes
        )

    def images(self, questions: Iterable[Example]) -> set[str]:
        return {self.image_of.get(question.id, question.record_id) for question in questions}

    def showing(self, name: str, images: set[str]) -> list[str]:
        """Those of the images that show a class, in its order."""
        return [image for image in self.positive[name] if image in images]

    def first_of(self, name: str, images: set[str], count: int) -> list[Example]:
        return [self.positive[name][image][0] for image in self.showing(name, images)[:count]]

    def count_positive(self, images: set[str]) -> int:
        return sum(len(self.positive[n][p]) for n in self.classes for p in self.showing(n, images))

    def background(self, images: set[str]) -> list[str]:
        """Those of the images that show none of the classes, in a seeded order."""
        shown = {image for name in self.classes for image in self.positive[name]}
        asked = {p for p in images - shown if any(self._is_negative(p, name) for name in self.classes)}
        return seeded_order(asked, self.seed, "background")

    def questions(self, images: set[str], *, positive: bool) -> dict[str, Iterator[Example]]:
        """Questions about the images by class: the first of every image before the second of any."""
        of_class = self._positive if positive else self._negative
        return {name: in_turn(of_class(name, images)) for name in self.classes}

    def _positive(self, name: str, images: set[str]) -> Iterator[Sequence[Example]]:
        return (self.positive[name][image] for image in self.showing(name, images))

    def _negative(self, name: str, images: set[str]) -> Iterator[Sequence[Example]]:
        """Questions about absent things, image by image; a class that is never taken costs nothing."""
        listed = self.negative.get(name, {})
        own = [image for image in listed if image in images]
        further = {image for image in images if self.unlisted.is_absent(image, name)}
        order = seeded_order({*own, *further}, self.seed, f"False {name}") if further else own
        for image in order:
            yield listed[image] if image in listed else [self.unlisted.ask(image, name)]

    def _is_negative(self, image: str, name: str) -> bool:
        return image in self.negative.get(name, {}) or self.unlisted.is_absent(image, name)


def counterweight(
    pool: Pool, images: set[str], shown: set[str], positives: int, share: float
) -> list[Example]:
    """Questions about absent things, to make up a share of a part, spread over the classes.

    They are asked of the part's own images (``shown``) and, where these do not suffice, of up to half of the
    images that show no class at all: with a single class there are no others.
    """
    wanted = round(share / (1 - share) * positives)
    own = take_in_turn(pool.questions(shown, positive=False), wanted)
    backgrounds = pool.background(images - shown)
    others: list[Example] = []
    for image in backgrounds[: len(backgrounds) // 2]:
        missing = wanted - len(own) - len(others)
        if missing <= 0:
            break
        others += take_in_turn(pool.questions({image}, positive=False), missing)
    return own + others


def choose_images(pool: Pool, images: set[str], positives: int, share: float, *, keep_half: bool) -> set[str]:
    """Images for a part, some for absent things included; the class that has fewest is served first."""
    queues = {name: pool.showing(name, images) for name in pool.classes}
    shows: defaultdict[str, list[str]] = defaultdict(list)
    for name, queue in queues.items():
        for image in queue:
            shows[image].append(name)
    limit = {name: len(queue) // 2 if keep_half else len(queue) for name, queue in queues.items()}
    waiting = {name: iter(queue) for name, queue in queues.items()}
    chosen: set[str] = set()
    count: Counter[str] = Counter()
    found = 0
    while waiting and found < positives:
        name = min(waiting, key=count.__getitem__)
        candidate = next(waiting[name], None)
        if candidate is None:
            del waiting[name]
        elif candidate not in chosen and all(count[other] < limit[other] for other in shows[candidate]):
            chosen.add(candidate)
            count.update(shows[candidate])
            found += sum(len(pool.positive[other][candidate]) for other in shows[candidate])
    extra = counterweight(pool, images, chosen, min(found, positives), share)
    return chosen | pool.images(extra)


def sample(pool: Pool, images: set[str], limit: int, share: float) -> list[Example]:
    """At most ``limit`` questions, spread over the classes; absent things are never a larger share."""
    absent = take_in_turn(pool.questions(images, positive=False), round(share * limit))
    present = take_in_turn(pool.questions(images, positive=True), limit - len(absent))
    return present + absent[: round(share / (1 - share) * len(present))]


def _seeded(asks: Mapping[str, Sequence[Example]], seed: int, purpose: str) -> dict[str, list[Example]]:
    ordered: dict[str, list[Example]] = {}
    for image in seeded_order(asks, seed, purpose):
        by_id = {example.id: example for example in asks[image]}
        ordered[image] = [by_id[name] for name in seeded_order(by_id, seed, "questions")]
    return ordered
