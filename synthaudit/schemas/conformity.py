"""Does a document keep to one of our schemas?

A verdict that is read back from a file must not rest on a field that somebody dropped or misspelled, so the loader
checks every document against the published schema itself. Only the keywords that our schemas use are understood, and
any other raises: a check that was silently skipped would be no check. The test suite holds this file to the answers of
the `jsonschema` package, which is thus not needed at run time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description"})


def first_violation(document: object, schema: Schema) -> str | None:
    """Where the document leaves the schema and how, in one sentence; None if it keeps to it.

    Values are never quoted, only their places and types: a stray patient id in a foreign file must not reach a log.
    """
    return next(_violations(document, schema, schema, "the document"), None)


def _violations(value: object, schema: Schema, root: Schema, place: str) -> Iterator[str]:
    for keyword, wanted in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        if keyword == "$ref":
            yield from _violations(value, _resolve(wanted, root), root, place)
        elif keyword in _LEAVES:
            if not _LEAVES[keyword](value, wanted):
                yield f"{place} must have {keyword} {wanted}, got {_type_name(value)}"
        elif keyword in _BRANCHES:
            yield from _BRANCHES[keyword](value, schema, root, place)
        else:
            raise NotImplementedError(f"schema keyword must be one that we check, got {keyword}")


def _resolve(reference: str, root: Schema) -> Schema:
    found: Schema = root["$defs"][reference.removeprefix("#/$defs/")]
    return found


def _is_type(value: object, wanted: object) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    assert isinstance(names, list)  # noqa: S101  (our own schema, read by the tests)
    return any(_TYPES[name](value) for name in names)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()


def _type_name(value: object) -> str:
    names = ("null", "boolean", "integer", "number", "string", "array", "object")
    return next((name for name in names if _TYPES[name](value)), type(value).__name__)


def _required(value: object, schema: Schema, _root: Schema, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{place} must have the field {name}" for name in schema["required"] if name not in value)


def _properties(value: object, schema: Schema, root: Schema, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in schema["properties"].items():
            if name in value:
                yield from _violations(value[name], inner, root, f"{place}/{name}")


def _additional(value: object, schema: Schema, root: Schema, place: str) -> Iterator[str]:
    allowed = schema["additionalProperties"]
    if not isinstance(value, dict) or allowed is True:
        return
    for number, (name, inner) in enumerate(value.items()):
        if name in schema.get("properties", ()):
            continue
        if allowed is False:
            yield f"{place} must have no fields but {', '.join(schema['properties'])}, got another at position {number}"
        else:
            yield from _violations(inner, allowed, root, f"{place}/[{number}]")


def _items(value: object, schema: Schema, root: Schema, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _violations(inner, schema["items"], root, f"{place}/{number}")


def _any_of(value: object, schema: Schema, root: Schema, place: str) -> Iterator[str]:
    if all(next(_violations(value, option, root, place), None) for option in schema["anyOf"]):
        yield f"{place} must be one of {len(schema['anyOf'])} forms, got {_type_name(value)}"


_TYPES: dict[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (isinstance(value, int) and not isinstance(value, bool)) or _is_whole(value),
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_LEAVES: dict[str, Callable[[Any, Any], bool]] = {
    "type": _is_type,
    "const": lambda value, wanted: bool(value == wanted),
    "enum": lambda value, wanted: value in wanted,
    "minimum": lambda value, wanted: not _is_number(value) or value >= wanted,
    "maximum": lambda value, wanted: not _is_number(value) or value <= wanted,
    "minLength": lambda value, wanted: not isinstance(value, str) or len(value) >= wanted,
    "pattern": lambda value, wanted: not isinstance(value, str) or re.search(wanted, value) is not None,
}
_BRANCHES: dict[str, Callable[[object, Schema, Schema, str], Iterator[str]]] = {
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
    "anyOf": _any_of,
}
