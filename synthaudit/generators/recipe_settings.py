"""Settings of a recipe given as text, by name: typed and checked like those given in Python."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import fields, replace
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from synthaudit.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    R = TypeVar("R", bound=DataclassInstance)

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def recipe_with(recipe: R, settings: Sequence[str]) -> R:
    """The recipe with some settings changed.

    Args:
        recipe: A dataclass of numbers, words, and tuples of them.
        settings: "name=value"; the values of a tuple are separated by commas.

    Raises:
        UsageError: There is no such setting, the value is of another type, or the recipe refuses it.

    >>> from synthaudit.generators.recipe import Recipe
    >>> recipe_with(Recipe(), ["width=64", "learning_rate=1e-3"]).width
    64
    """
    types = setting_types(recipe)
    changed: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"a setting must be given as name=value, got {setting!r}")
        if name not in types:
            close = difflib.get_close_matches(name, types, n=1)
            hint = f"; did you mean {close[0]}" if close else ""
            raise UsageError(f"a setting must be one of {', '.join(types)}, got {name}{hint}")
        if name in changed:
            raise UsageError(f"a setting must be given once, got {name} twice")
        changed[name] = _value(name, text, types[name])
    return replace(recipe, **changed)


def setting_types(recipe: DataclassInstance) -> dict[str, Any]:
    """Name -> type of each setting, in the recipe's order."""
    hints = get_type_hints(type(recipe))
    return {setting.name: hints[setting.name] for setting in fields(recipe)}


def type_in_words(kind: Any) -> str:
    """What a value of this type is, for a person.

    >>> type_in_words(tuple[float, ...])
    'numbers, separated by commas'
    """
    if get_origin(kind) is tuple:
        return f"{type_in_words(get_args(kind)[0])}s, separated by commas"
    if get_origin(kind) in (Union, UnionType):
        return " or ".join("none" if one is NoneType else type_in_words(one) for one in get_args(kind))
    return {int: "whole number", float: "number", str: "word", bool: "true or false"}.get(kind, str(kind))


def _value(name: str, text: str, kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        choices = get_args(kind)
        if NoneType in choices and text.lower() == "none":
            return None
        return _value(name, text, next(one for one in choices if one is not NoneType))
    if get_origin(kind) is tuple:
        return tuple(_value(name, part.strip(), get_args(kind)[0]) for part in text.split(",") if part.strip())
    try:
        return _WORDS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise UsageError(f"{name} must be a {type_in_words(kind)}, got {text!r}") from None
