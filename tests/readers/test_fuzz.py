"""Files broken at random are read or refused for a reason: no crash, no hang, no more than 2 GB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from synthaudit.readers.rejection import REASONS

CHILD = Path(__file__).with_name("mutated_files.py")
MEMORY_BYTES = 2**31


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to know how much memory was used")
@pytest.mark.slow
@pytest.mark.parametrize(("count", "seed", "seconds"), [(500, 1, 240)])
def test_broken_files_are_read_or_refused(tmp_path: Path, count: int, seed: int, seconds: int) -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "RUST_BACKTRACE": "0"}
    child = subprocess.run(
        [sys.executable, str(CHILD), str(count), str(seed), str(tmp_path), "0"],
        capture_output=True,
        timeout=seconds,
        env=environment,
        check=False,
    )
    lines = [json.loads(line) for line in child.stdout.decode().splitlines()]
    last = next((line["file"] for line in reversed(lines) if "file" in line), "none")
    assert child.returncode == 0, f"died at {last}: {child.stderr.decode()[-2000:]}"
    said = [line["said"] for line in lines if "said" in line]
    assert len(said) == count
    assert all(one in REASONS or one.startswith("(") or one == "nothing" for one in said)
    assert sum(one.startswith("(") for one in said) > count / 20, "some survive what was done to them"
    assert lines[-1]["peak_bytes"] < MEMORY_BYTES
