"""Direct evidence: equal pixels count without any scale, blank images never."""

from __future__ import annotations

import numpy as np

from synthaudit.cohort import Cohort, Role
from synthaudit.generators.made import ArrayImage
from synthaudit.matching.direct import direct_pairs, equal_pixels, picture
from synthaudit.matching.pool import Pool
from synthaudit.phantoms.chest import ChestPopulation
from synthaudit.readers.scan import pixel_digest

CHEST = ChestPopulation(seed=9, size=64)
BLANK = np.full((64, 64), 0.5, dtype=np.float32)
IMAGES = [CHEST.image(0), CHEST.image(1), BLANK, CHEST.image(0)]


def cohort(role: Role, images: list[np.ndarray], patients: list[str]) -> Cohort:
    return Cohort(
        role=role,
        names=tuple(f"{role}-{i}.png" for i in range(len(images))),
        sources=tuple(map(ArrayImage, images)),
        patients=tuple(patients),
        known_patient=np.ones(len(images), dtype=bool),
        attributes={},
        pixel_digests=tuple(map(pixel_digest, images)),
    )


POOL = Pool.of(cohort(Role.TRAIN, IMAGES, ["a", "b", "c", "d"]))


def test_equal_pixels_are_found_wherever_they_are_and_blank_ones_nowhere() -> None:
    made = [CHEST.image(5), CHEST.image(0), BLANK]
    pairs = equal_pixels([pixel_digest(image) for image in made], POOL)
    found = {(query, POOL.patient_ids[POOL.patient[row]]) for query, row in pairs}
    assert found == {(1, "a"), (1, "d")}


def test_without_a_scale_equal_pixels_are_all_there_is() -> None:
    pairs = direct_pairs(None, None, [(1, 0), (0, 2)])
    assert [(pair.query, pair.real, pair.match) for pair in pairs] == [(0, 2, -1), (1, 0, -1)]
    assert all(np.isinf(pair.likeness) and pair.similarity == 1.0 for pair in pairs)
    assert all(pair.threshold < 1 for pair in pairs)
    assert direct_pairs(None, None, []) == []


def test_the_picture_shows_both() -> None:
    synthetic = cohort(Role.SYNTHETIC, [CHEST.image(0)], ["made"])
    row = equal_pixels(synthetic.pixel_digests, POOL)[0][1]
    shown = picture(direct_pairs(None, None, [(0, row)])[0], None, synthetic, POOL, size=96)
    assert shown.transform == "equal pixels"
    assert {part.shape for part in (shown.synthetic, shown.real, shown.registered, shown.difference)} == {(96, 96)}
    np.testing.assert_array_equal(shown.synthetic, shown.real)
    assert not shown.difference.any()
