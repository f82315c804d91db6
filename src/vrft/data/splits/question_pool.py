"""Choosing pictures and questions for the parts of a few-shot split, all classes alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vrft.data.splits.seeded_shuffle import in_turn, seeded_order, take_in_turn
from vrft.tasks.lazy_questions import Pairs
from vrft.types import BoxesTarget, Example


@dataclass(frozen=True)
class Pool:
    """Questions by class and picture, each class's pictures in its own seeded order."""

    classes: tuple[str, ...]
    """Classes with a positive question, in a seeded order."""
    positive: Mapping[str, Mapping[str, Sequence[Example]]]
    """Class, picture in seeded order, its questions in seeded order."""
    negative: Mapping[str, Mapping[str, Sequence[Example]]]
    picture_of: Mapping[str, str]
    """The picture that a question is about, by the question's id."""
    unlisted: Pairs
    """Further questions about absent things: of pictures that no other record shows, by category."""
    seed: int

    @classmethod
    def of(
        cls,
        examples: Iterable[Example],
        group: Callable[[Example], str],
        same: Mapping[str, str],
        unlisted: Pairs,
        seed: int,
    ) -> Pool:
        """Sort examples by class and picture.

        Args:
            examples: questions, each asked once a picture.
            group: the class of an example.
            same: the picture that each record shows.
            unlisted: records that stand alone, whose questions about absent things are not among the
                examples; their class is their category.
            seed: any integer.

        Returns:
            The pool.
        """
        sorted_out: dict[bool, dict[str, defaultdict[str, list[Example]]]] = {True: {}, False: {}}
        picture_of: dict[str, str] = {}
        for example in examples:
            asks = sorted_out[is_positive(example)].setdefault(group(example), defaultdict(list))
            asks[same[example.record_id]].append(example)
            picture_of[example.id] = same[example.record_id]
        positive, negative = (
            {
                name: _seeded(asks, seed, _purpose(name, positive=told))
                for name, asks in sorted_out[told].items()
            }
            for told in (True, False)
        )
        classes = tuple(seeded_order(positive, seed, "classes"))
        return cls(classes, positive, negative, picture_of, unlisted, seed)

    @property
    def asked(self) -> set[str]:
        """All pictures."""
        return {*self.picture_of.values(), *self.unlisted.images}

    @property
    def asks_of_absent(self) -> bool:
        """Whether there is any question about an absent thing of the classes."""
        return any(self.negative.get(name) for name in self.classes) or any(
            self.unlisted.is_absent(picture, name)
            for picture in self.unlisted.images
            for name in self.classes
        )

    def pictures(self, questions: Iterable[Example]) -> set[str]:
        """The pictures that questions are about."""
        return {self.picture_of.get(question.id, question.record_id) for question in questions}

    def only(self, classes: Sequence[str]) -> Pool:
        """The pool without any question about other classes."""
        return replace(self, classes=tuple(classes))

    def showing(self, name: str, pictures: set[str]) -> list[str]:
        """Those of the pictures that show a class, in its order."""
        return [picture for picture in self.positive[name] if picture in pictures]

    def first_of(self, name: str, pictures: set[str], count: int) -> list[Example]:
        """One question about each of the first pictures that show a class."""
        return [self.positive[name][picture][0] for picture in self.showing(name, pictures)[:count]]

    def count_positive(self, pictures: set[str]) -> int:
        """Positive questions about the pictures."""
        return sum(len(self.positive[n][p]) for n in self.classes for p in self.showing(n, pictures))

    def background(self, pictures: set[str]) -> list[str]:
        """Those of the pictures that show none of the classes, in a seeded order."""
        shown = {picture for name in self.classes for picture in self.positive[name]}
        asked = {
            picture
            for picture in pictures - shown
            if any(self._is_negative(picture, name) for name in self.classes)
        }
        return seeded_order(asked, self.seed, "background")

    def questions(self, pictures: set[str], *, positive: bool) -> dict[str, Iterator[Example]]:
        """Questions about the pictures by class: the first of every picture before the second of any."""
        of_class = self._positive if positive else self._negative
        return {name: in_turn(of_class(name, pictures)) for name in self.classes}

    def _positive(self, name: str, pictures: set[str]) -> Iterator[Sequence[Example]]:
        return (self.positive[name][picture] for picture in self.showing(name, pictures))

    def _negative(self, name: str, pictures: set[str]) -> Iterator[Sequence[Example]]:
        """Questions about absent things, picture by picture; a class that is never taken costs nothing."""
        listed = self.negative.get(name, {})
        own = [picture for picture in listed if picture in pictures]
        further = {picture for picture in pictures if self.unlisted.is_absent(picture, name)}
        order = seeded_order({*own, *further}, self.seed, _purpose(name, positive=False)) if further else own
        for picture in order:
            yield listed[picture] if picture in listed else [self.unlisted.ask(picture, name)]

    def _is_negative(self, picture: str, name: str) -> bool:
        return picture in self.negative.get(name, {}) or self.unlisted.is_absent(picture, name)


def is_positive(example: Example) -> bool:
    """Whether the right answer names something, rather than 'No Objects'."""
    return not isinstance(example.target, BoxesTarget) or bool(example.target.boxes_xyxy_px)


def counterweight(
    pool: Pool, pictures: set[str], shown: set[str], positives: int, share: float
) -> list[Example]:
    """Questions about absent things, to make up a share of a part.

    They are asked of the part's own pictures and, where these do not suffice, of up to half of the pictures
    that show no class at all: with a single class there are no others.

    Args:
        pool: all questions.
        pictures: those that the part may draw from.
        shown: those that the part has already.
        positives: how many positive questions it has.
        share: of the whole part, in [0, 1).

    Returns:
        At most the share, spread over the classes.
    """
    wanted = round(share / (1 - share) * positives)
    own = take_in_turn(pool.questions(shown, positive=False), wanted)
    backgrounds = pool.background(pictures - shown)
    others: list[Example] = []
    for picture in backgrounds[: len(backgrounds) // 2]:
        missing = wanted - len(own) - len(others)
        if missing <= 0:
            break
        others += take_in_turn(pool.questions({picture}, positive=False), missing)
    return own + others


def choose_pictures(
    pool: Pool, pictures: set[str], positives: int, share: float, *, keep_half: bool
) -> set[str]:
    """Pictures for a part, the class that has fewest being served first.

    Args:
        pool: all questions.
        pictures: those to choose from.
        positives: how many positive questions are wanted.
        share: of questions about absent things, in [0, 1).
        keep_half: leave at least as many pictures of every class as are chosen.

    Returns:
        The chosen pictures, backgrounds for absent things included.
    """
    queues = {name: pool.showing(name, pictures) for name in pool.classes}
    shows: defaultdict[str, list[str]] = defaultdict(list)
    for name, queue in queues.items():
        for picture in queue:
            shows[picture].append(name)
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
    extra = counterweight(pool, pictures, chosen, min(found, positives), share)
    return chosen | pool.pictures(extra)


def sample(pool: Pool, pictures: set[str], limit: int, share: float) -> list[Example]:
    """Questions about some pictures, spread over the classes.

    Args:
        pool: all questions.
        pictures: those to ask about.
        limit: most questions.
        share: of questions about absent things, in [0, 1).

    Returns:
        At most ``limit`` questions; fewer absent things where there are fewer, never a larger share.
    """
    absent = take_in_turn(pool.questions(pictures, positive=False), round(share * limit))
    present = take_in_turn(pool.questions(pictures, positive=True), limit - len(absent))
    return present + absent[: round(share / (1 - share) * len(present))]


def _seeded(asks: Mapping[str, Sequence[Example]], seed: int, purpose: str) -> dict[str, list[Example]]:
    ordered: dict[str, list[Example]] = {}
    for picture in seeded_order(asks, seed, purpose):
        by_id = {example.id: example for example in asks[picture]}
        ordered[picture] = [by_id[name] for name in seeded_order(by_id, seed, "questions")]
    return ordered


def _purpose(name: str, *, positive: bool) -> str:
    """What a class's order of pictures is for."""
    return f"{positive} {name}"
