"""One fit of the copy network from the first step to the last, over as many interruptions as it takes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from synthaudit.embeddings import RealImages
from synthaudit.encoders.copy_network import full_precision, one_thread
from synthaudit.encoders.copy_network_file import FORMAT, Card, kept, weights_digest, write
from synthaudit.encoders.copy_network_model import PREPROCESSING
from synthaudit.encoders.copy_network_training import Recipe, Training, weights
from synthaudit.errors import EncoderError
from synthaudit.parallel import ordered_map
from synthaudit.pixels import canvas
from synthaudit.progress import Progress

FOLDER = "copy-networks-v1"
KEPT_EVERY = 25
"""Steps between two states that a killed fit can go on from."""
STALE_S = 7 * 24 * 3600.0
"""Half a fit that nobody came back to for so long is removed."""
LEAST_KIN = 10
"""Patients with two images or more that re-identification is fitted on, at the least."""

Arrays = dict[str, NDArray[Any]]


def fit(
    images: RealImages,
    recipe: Recipe,
    *,
    seed: int,
    device: str,
    folder: Path | None,
    workers: int,
    progress: Progress,
) -> tuple[Card, Arrays]:
    """The card and the weights of a network fitted on these images, or kept by an earlier run.

    Raises:
        EncoderError: There are too few images, or too few patients with several for re-identification.
    """
    chosen = _chosen(images, recipe)
    store = _Store.of(folder, _key(images, chosen, recipe, seed, device))
    done = store.read(store.whole)
    if done is not None:
        return done
    with one_thread(), full_precision():
        pixels = _pixels(images, chosen, recipe, workers, progress).to(device)
        training = Training(pixels, images.patients[chosen], recipe, seed)
        card = Card(
            task=recipe.task,
            sizes=asdict(recipe.sizes),
            preprocessing=PREPROCESSING,
            weights="",
            steps=0,
            images=len(chosen),
            patients=len(np.unique(images.patients[chosen])),
            seed=seed,
        )
        _train(training, card, store, progress)
    arrays = weights(training.network)
    card = replace(card, steps=training.step, weights=weights_digest(arrays))
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise EncoderError("copynet needs a fit that ends in finite weights, got NaN; use the descriptor instead")
    store.write(store.whole, arrays, card)
    store.forget(store.half)
    if store.problem:
        progress.note(f"the fitted copy network cannot be kept ({store.problem}): the next audit will fit it again")
    return card, arrays


def _train(training: Training, card: Card, store: _Store, progress: Progress) -> None:
    """All steps that are left, keeping the state now and then."""
    half = store.read(store.half)
    if half is not None:
        training.restore(half[1], half[0].steps)
    left = range(training.step, training.recipe.steps)
    for _ in progress.track(left, f"fit copy network ({card.task})", len(left)):
        training.advance()
        if training.step % KEPT_EVERY == 0 and training.step < training.recipe.steps and store.usable:
            arrays = training.arrays()
            store.write(store.half, arrays, replace(card, steps=training.step, weights=weights_digest(arrays)))


def _chosen(images: RealImages, recipe: Recipe) -> NDArray[np.intp]:
    """The rows to fit on: the first by digest, which is a choice that knows nothing."""
    if len(images) < recipe.images_least:
        raise EncoderError(
            f"copynet needs at least {recipe.images_least} different real images to be fitted on, got {len(images)}; "
            "use the descriptor, or a pretrained encoder"
        )
    chosen = np.arange(min(len(images), recipe.images_most), dtype=np.intp)
    kin = int((np.bincount(images.patients[chosen]) > 1).sum())
    if recipe.task == "reidentify" and kin < LEAST_KIN:
        raise EncoderError(
            f"copynet:reidentify needs at least {LEAST_KIN} patients with two real images or more, got {kin}; add "
            "images of other visits and a table with patient_id, or use copynet"
        )
    return chosen


def _pixels(
    images: RealImages, chosen: NDArray[np.intp], recipe: Recipe, workers: int, progress: Progress
) -> torch.Tensor:
    """(n, 1, s, s) canvases."""
    side = recipe.sizes.side
    out = np.empty((len(chosen), 1, side, side), dtype=np.float32)
    decoded = ordered_map(lambda row: canvas(images.read(int(row)), side), chosen, workers)
    for place, image in enumerate(progress.track(decoded, "read images for the copy network", len(chosen))):
        out[place, 0] = image
    return torch.from_numpy(out)


def _key(images: RealImages, chosen: NDArray[np.intp], recipe: Recipe, seed: int, device: str) -> str:
    """SHA-256 (hex) over everything that the weights depend on; patients are numbers in it, not names."""
    settings = [FORMAT, PREPROCESSING, recipe.as_dict(), seed, device.partition(":")[0]]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for row in chosen:
        digest.update(f"\n{images.digests[row]} {images.patients[row]}".encode())
    return digest.hexdigest()


class _Store:
    """Where fits are kept: whole ones, and states of half ones. What cannot be written is not kept."""

    def __init__(self, folder: Path | None, whole: Path, half: Path) -> None:
        self.whole, self.half, self.problem = whole, half, ""
        self.usable = folder is not None
        if folder is None:
            return
        try:
            for directory in (folder, whole.parent):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left_over in (*whole.parent.glob("*.half"), *whole.parent.glob("*.tmp")):
                if time.time() - left_over.stat().st_mtime > STALE_S:
                    left_over.unlink(missing_ok=True)
        except OSError as error:
            self._give_up(error)

    @classmethod
    def of(cls, folder: Path | None, key: str) -> _Store:
        place = (folder or Path(os.devnull).parent) / FOLDER
        return cls(folder, place / f"{key}.safetensors", place / f"{key}.half")

    def read(self, path: Path) -> tuple[Card, Arrays] | None:
        """What is kept there, if anything."""
        return kept(path) if self.usable else None

    def write(self, path: Path, arrays: Arrays, card: Card) -> None:
        """Keep it, whole or not at all."""
        if not self.usable:
            return
        try:
            write(path, arrays, card)
        except OSError as error:
            self._give_up(error)

    def forget(self, path: Path) -> None:
        """Remove it."""
        if self.usable:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _give_up(self, error: OSError) -> None:
        self.usable, self.problem = False, error.strerror or type(error).__name__
