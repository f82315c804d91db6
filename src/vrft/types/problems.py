"""What is wrong with a row, in words: pydantic says it in those of Python."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import ValidationError

_WORDS = {
    "missing": "it is missing",
    "tuple_type": "it should be a list",
    "model_type": "it should be an object",
    "dict_type": "it should be an object",
    "extra_forbidden": "there is no such field",
    "unexpected_keyword_argument": "there is no such field",
}


def first_problem(error: ValidationError, passed_over: Collection[str] = ()) -> str:
    """The first mistake as a part of a sentence, without what was there: that may be long, or not even text.

    ``passed_over``: steps of the path to it that the row does not have.

    Example:
        >>> from pydantic import TypeAdapter
        >>> try:
        ...     _ = TypeAdapter(list[float]).validate_python([1.0, "far"])
        ... except ValidationError as error:
        ...     print(first_problem(error))
        '1': input should be a valid number, unable to parse string as a number
    """
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    steps = [str(step)[:40].encode("ascii", "backslashreplace").decode("ascii") for step in first["loc"]]
    path = ".".join(step for step in steps if step not in passed_over)
    words = _WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
    words = words[:1].lower() + words[1:].removesuffix(".")
    more = f" ({error.error_count()} mistakes in this row)" if error.error_count() > 1 else ""
    return (f"'{path}': " if path else "") + words + more
