"""A folder of samples as a generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthaudit import registry
from synthaudit.errors import InputError, NotEnoughData, UsageError
from synthaudit.generators.protocol import Capability


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Seven gray images of 12 x 10; image i is i / 255 everywhere."""
    folder = tmp_path / "made"
    folder.mkdir()
    for i in range(7):
        Image.fromarray(np.full((12, 10), i, np.uint8)).save(folder / f"{i}.png")
    return folder


def shades(images: np.ndarray) -> list[int]:
    assert images.dtype == np.float32
    return [round(255 * float(image.mean())) for image in images]


def test_samples_come_in_a_seeded_order_without_replacement(samples: Path) -> None:
    made = registry.generator(f"folder:{samples}")
    assert made.spec.shape == (12, 10)
    assert made.capabilities() == {Capability.SAMPLE}
    every = shades(made.sample(7, seed=1))
    assert sorted(every) == list(range(7))
    assert shades(made.sample(3, seed=1)) == every[:3]
    assert shades(made.sample(7, seed=2)) != every
    assert made.sample(0, seed=1).shape == (0, 12, 10)


def test_more_samples_than_there_are(samples: Path) -> None:
    with pytest.raises(NotEnoughData, match=r"^8 samples must lie in the folder, found 7; make more$"):
        registry.generator(f"folder:{samples}").sample(8, seed=0)


def test_the_digest_is_that_of_the_pixels(samples: Path) -> None:
    before = registry.generator(f"folder:{samples}").spec.checkpoint_digest
    assert registry.generator(f"folder:{samples}").spec.checkpoint_digest == before
    Image.fromarray(np.full((12, 10), 9, np.uint8)).save(samples / "3.png")
    assert registry.generator(f"folder:{samples}").spec.checkpoint_digest != before


def test_sizes_that_differ_need_one_to_be_named(samples: Path) -> None:
    Image.fromarray(np.full((20, 20, 3), 255, np.uint8)).save(samples / "color.png")
    with pytest.raises(InputError, match=r"^samples must have one size, found 2 sizes; add \?size=SIDE"):
        registry.generator(f"folder:{samples}")
    images = registry.generator(f"folder:{samples}?size=16").sample(8, seed=0)
    assert images.shape == (8, 16, 16)
    assert sorted(shades(images)) == [*range(7), 255]


def test_no_sample_goes_missing_in_silence(samples: Path) -> None:
    (samples / "note.txt").write_text("not an image")
    registry.generator(f"folder:{samples}")
    (samples / "broken.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"^every sample must be readable, found 1 empty-file; repair"):
        registry.generator(f"folder:{samples}")


def test_folders_that_cannot_be_samples(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must be an existing folder, found nothing there"):
        registry.generator(f"folder:{tmp_path / 'none'}")
    with pytest.raises(InputError, match=r"must hold at least one image"):
        registry.generator(f"folder:{tmp_path}")
    with pytest.raises(UsageError, match=r"^folder: must be given as folder:DIR, got nothing after the colon$"):
        registry.generator("folder:")
    with pytest.raises(UsageError, match=r"^an option of folder: must be one of size, got sise; did you mean size$"):
        registry.generator(f"folder:{tmp_path}?sise=3")
    with pytest.raises(UsageError, match=r"^option size of folder: must be a positive whole number, got '-3'$"):
        registry.generator(f"folder:{tmp_path}?size=-3")


def test_a_folder_knows_no_condition(samples: Path) -> None:
    with pytest.raises(UsageError, match="knows no condition"):
        registry.generator(f"folder:{samples}").sample(1, 0, {"sex": "F"})
