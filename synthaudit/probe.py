"""What a probe is, and all that it may look at."""

from __future__ import annotations
