"""The published formats, as JSON Schemas (draft 2020-12) that other tools can read."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema of that file name without `.json`, for example "evidence-1"."""
    text = files("synthaudit.schemas").joinpath(f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
