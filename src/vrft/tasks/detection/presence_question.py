"""Whether a category is there at all: the first question of the two-step protocol.

The paper asks it before it asks for boxes (section 4.1) and does not print its words, nor does the released
code hold them; these are ours, in the manner of the paper's detection prompt.
"""

from __future__ import annotations

import re

from vrft.tasks.parsing.abstentions import is_abstention
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.prompt_text import answer_instructions
from vrft.types import Example, Form

_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


class Presence:
    """The question, and how its answer reads."""

    def question(self, example: Example) -> str:
        return (
            f"Is there any object belonging to the category '{example.question}' in the image? "
            "Answer 'Yes' or 'No'.\n" + answer_instructions("Yes or No", example.form)
        )

    def read(self, text: str, form: Form) -> bool | None:
        """Whether something is there: by 'yes' or 'no', or by the words of an abstention such as 'No
        Objects'; None where the answer has neither of them, or both.

        Example:
            >>> Presence().read("<answer>Yes, two of them.</answer>", Form.DIRECT)
            True
            >>> Presence().read("<answer>No Objects</answer>", Form.DIRECT)
            False
            >>> Presence().read("<answer>yes or no</answer>", Form.DIRECT) is None
            True
        """
        content = split_tags(text, form).content
        if is_abstention(content):
            return False
        said = {word.lower() for word in _WORD.findall(content)}
        return said == {"yes"} if len(said) == 1 else None
