"""Classification: the name of the one thing a picture shows."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.geometry.frames import View
from vrft.tasks.classification.label_settings import SETTINGS, TERMS
from vrft.tasks.parsing.answer_parsers import parse_label_answer
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.types import Answer, ClassTarget, Example, Form, Record

ASPECTS = {"plant": "species", "pet": "species", "dog": "species", "aircraft": "model", "car": "model"}
"""What the paper's prompts ask of a kind of thing; 'class' for any other kind."""


class Classification:
    """The paper's classification task (Visual-RFT, Table 1 and Eq. 9)."""

    name = "classification"
    metric = "accuracy"
    rewards = SETTINGS
    terms = TERMS
    example_answer = "species name"
    presence = None

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question a picture; the kind of thing is 'object' until the caller says better."""
        names = tuple(sorted({r.category for r in records if r.category is not None}))
        return [
            Example(
                id=record.id,
                record_id=record.id,
                image=record.image,
                image_wh=record.image_wh,
                task=self.name,
                question="object",
                target=ClassTarget(record.category, names),
                options=names,
            )
            for record in records
            if record.category is not None
        ]

    def group(self, example: Example) -> str:
        """The right class."""
        assert isinstance(example.target, ClassTarget)
        return example.target.name

    def ask(self, example: Example, view: View, form: Form) -> str:
        """The prompt; open naming (no options) with a kind of the paper's is the paper's, word for word."""
        kind = example.question
        article = "an" if kind[0] in "aeiou" else "a"
        aspect = ASPECTS.get(kind, "class")
        shown = self.example_answer if kind in ASPECTS else f"{kind} name"
        listed = f"\nChoose one of: {', '.join(example.options)}." if example.options else ""
        return (
            f"This is an image containing {article} {kind}. "
            f"Please identify the {aspect} of the {kind} based on the image.{listed}\n"
            + answer_instructions(shown, form)
        )

    def gold(self, example: Example, view: View, form: Form) -> str:
        """The class name."""
        assert isinstance(example.target, ClassTarget)
        return in_tags(example.target.name, f"I look at the {example.question}.", form)

    def parse(self, text: str, view: View | None, form: Form) -> Answer:
        """The name as written."""
        return parse_label_answer(text, form)


TASK = Classification()
