"""Open families of frozen dataclasses with one codec: a subclass with a ``kind`` is known at once.

Values (what is asked for and answered), media (what is shown) and pixel edits (what is done to it) are such
families. A task outside of the package adds a class, and every file of vrft can hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import core_schema

from vrft.errors import InputError
from vrft.types.problems import first_problem


class Coded:
    """Base of a family. Its direct subclasses are roots; a class below a root that has a ``kind`` is a
    member.

    Members are frozen dataclasses of numbers, texts, tuples, paths and other coded members: the fields are
    the codec, and are validated on the way in.
    """

    kind: ClassVar[str]
    _members: ClassVar[dict[str, type[Coded]]]
    # A misspelled field must not lose a label.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if Coded in cls.__bases__:
            cls._members = {}
        elif "kind" in cls.__dict__:
            cls._members[cls.kind] = cls

    @classmethod
    def kinds(cls) -> list[str]:
        """The kinds of this family that are known, sorted."""
        return sorted(cls._members)

    @classmethod
    def of_kind(cls, kind: str) -> type[Self]:
        """The member of a kind.

        Raises:
            InputError: there is none of that kind; names those that there are.
        """
        if kind not in cls._members:
            raise InputError(
                f"There is no {cls.__name__.lower()} of kind '{kind}'. Known: {', '.join(cls.kinds())}."
            )
        return cls._members[kind]  # type: ignore[return-value]

    def encode(self) -> dict[str, Any]:
        """As plain JSON: ``kind``, then the fields; those that have their default are left out."""
        own: Any = type(self)
        return dict(_adapter(own).dump_python(self, mode="json", exclude_defaults=True))

    @classmethod
    def decode(cls, row: Any) -> Self:
        """What ``encode`` wrote, of any member of this family.

        Raises:
            InputError: the kind is not known, or a field is missing or has another type.
        """
        found: Self = _decoded(cls, row)
        return found

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        if "kind" in cls.__dict__:
            # Further fields of the same class find the schema by its reference: this one, not the
            # plain one's.
            own: Any = dict(handler.resolve_ref_schema(handler(source)))
            ref = own.pop("ref", None)
            with_kind = core_schema.wrap_serializer_function_ser_schema(_with_kind, schema=own)
            return core_schema.no_info_before_validator_function(
                _without_kind, own, ref=ref, serialization=with_kind
            )
        return core_schema.no_info_plain_validator_function(
            lambda given: given if isinstance(given, cls) else _chosen(cls, given),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.encode()),
        )


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _decoded(cls: type[Any], row: Any) -> Any:
    try:
        return _chosen(cls, row)
    except ValueError as error:
        first = first_problem(error) if isinstance(error, ValidationError) else str(error)
        raise InputError(f"This is not a {cls.__name__.lower()}: {first}. Fix it.") from error


def _chosen(cls: type[Any], row: Any) -> Any:
    if not isinstance(row, Mapping) or not isinstance(row.get("kind"), str):
        raise ValueError(f"an object with 'kind' was expected, one of {', '.join(cls.kinds())}")
    if row["kind"] not in cls._members:
        raise ValueError(f"there is no kind '{row['kind']}', only {', '.join(cls.kinds())}")
    return _adapter(cls._members[row["kind"]]).validate_python(row)


def _without_kind(given: Any) -> Any:
    return {k: v for k, v in given.items() if k != "kind"} if isinstance(given, Mapping) else given


def _with_kind(value: Any, handler: Any) -> dict[str, Any]:
    return {"kind": value.kind, **handler(value)}
