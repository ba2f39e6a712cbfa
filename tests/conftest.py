"""What every test runs under: a cache and a key of its own, and slow tests only when they are asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--run-slow"):
        _skip(items, "slow", "slow: run with --run-slow")
    if any("gpu" in item.keywords for item in items) and not _has_cuda():
        _skip(items, "gpu", "needs a CUDA device")
    if shutil.which("Orthanc") is None:
        _skip(items, "orthanc", "needs Orthanc: apt-get install --no-install-recommends orthanc orthanc-dicomweb")


def _skip(items: list[pytest.Item], mark: str, reason: str) -> None:
    for item in items:
        if mark in item.keywords:
            item.add_marker(pytest.mark.skip(reason=reason))


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session", autouse=True)
def _own_cache_and_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests, and the processes they start, leave the user's cache and key alone."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SYNTHAUDIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        environment.setenv("SYNTHAUDIT_KEY", "test-key")
        yield
