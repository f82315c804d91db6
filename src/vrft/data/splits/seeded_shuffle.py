"""Drawing by seed so that the result depends on names alone, not on the order or number of other things."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def seeded_order(names: Iterable[str], seed: int, purpose: str) -> list[str]:
    """Distinct names in an order that looks random.

    Each name's place comes from its own hash, so taking a name away or adding one leaves the others in order.

    Args:
        names: in any order.
        seed: any integer.
        purpose: orders for different purposes are independent.

    Returns:
        Every name once.

    Example:
        >>> seeded_order("abc", 1, "demo") == seeded_order("cba", 1, "demo")
        True
    """

    def place(name: str) -> bytes:
        return hashlib.sha256("\0".join((str(seed), purpose, name)).encode()).digest()

    return sorted(set(names), key=place)


def in_turn(queues: Iterable[Iterable[T]]) -> Iterator[T]:
    """The first of every queue, then the second of every queue, and so on; nothing is looked at too early.

    Args:
        queues: which take turns in their order.

    Example:
        >>> list(in_turn([[1, 2, 3], [4]]))
        [1, 4, 2, 3]
    """
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
    """The first items of several queues, one from each in turn, so that all are served alike.

    Args:
        queues: items by class; the classes take turns in the mapping's order.
        count: how many to take at most; all where it is None.

    Returns:
        The items in the order in which they were taken.

    Example:
        >>> take_in_turn({"a": [1, 2, 3], "b": [4]}, 3)
        [1, 4, 2]
    """
    return list(islice(in_turn(queues.values()), count if count is None else max(count, 0)))
