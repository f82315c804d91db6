"""An environment of two turns: the model answers, is asked to look again, and its second answer counts.

    vrft train my.yaml task=examples/custom_environment.py

Both answers are trained on, what was shown in between is not. A reply may also add an image (a crop that was
asked for, say): such a task can be rolled out, scored and evaluated, and training refuses it.
"""

from __future__ import annotations

from collections.abc import Sequence

from vrft.tasks.detection.detection import Detection
from vrft.tasks.task import Environment
from vrft.types import Example, Message, Turn


class LookAgain(Environment):
    """One further turn, whatever the first answer was."""

    def reply(self, example: Example, turns: Sequence[Turn]) -> Sequence[Message] | None:
        """What follows the last turn; None where the conversation is over."""
        if len(turns) > 1:
            return None
        return [Message("user", ("Look again and correct your answer if it is wrong.",))]


class SecondLook(Detection):
    """Detection with a second look; questions, rewards and metrics are detection's."""

    name = "second_look"
    environment = LookAgain()


TASK = SecondLook()
