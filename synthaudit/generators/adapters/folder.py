"""A folder of samples that were made already: all that can be had of most generators.

Such a generator samples and does nothing else, and no more often than there are images. An image that cannot be read
is an error here: samples that go missing in silence would make the rest look safer than the whole was.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from synthaudit.cohort import ImageSource
from synthaudit.errors import InputError, NotEnoughData, UsageError
from synthaudit.generators.adapters.uri import Uri
from synthaudit.generators.protocol import Capability, Condition, GeneratorSpec, Images, capabilities_of
from synthaudit.parallel import default_workers
from synthaudit.pixels import canvas, to_gray
from synthaudit.progress import Progress
from synthaudit.readers.folder import existing_folders
from synthaudit.readers.scan import scan_folder


@dataclass(frozen=True, slots=True, eq=False)
class SampleFolder:
    """The generator `folder:DIR`, or `folder:DIR?size=64` to bring images of several sizes to one.

    Attributes:
        made: What it is.
        sources: The images, in the order of their names.
        resized: Whether each is brought to the size in `made`.
    """

    made: GeneratorSpec
    sources: tuple[ImageSource, ...] = field(repr=False)
    resized: bool = False

    @classmethod
    def from_uri(cls, argument: str, *, device: str, trust_code: bool) -> SampleFolder:
        """The images of a folder; every one is decoded once, to know that it can be.

        Raises:
            UsageError: Nothing is named.
            InputError: There is no such folder or no image in it, one cannot be read, or their sizes differ.
        """
        del device, trust_code
        uri = Uri.parse("folder", argument, ("size",), "DIR")
        side = uri.whole("size") if "size" in uri.options else 0
        folder = existing_folders({"folder:": Path(uri.target).expanduser()})["folder:"]
        scanned = scan_folder(folder, "samples", default_workers(), Progress(), None)
        if scanned.rejected:
            count = Counter(rejected.reason for rejected in scanned.rejected)
            reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(count.items()))
            raise InputError(f"every sample must be readable, found {reasons}; repair these files or take them away")
        if not scanned.images:
            raise InputError("folder: must hold at least one image, found none; name the folder of the samples")
        sizes = {(side, side)} if side else {(i.checked.height, i.checked.width) for i in scanned.images}
        if len(sizes) > 1:
            raise InputError(f"samples must have one size, found {len(sizes)} sizes; add ?size=SIDE to resize them")
        digests = "\n".join(image.checked.digest for image in scanned.images)
        spec = GeneratorSpec("folder", sizes.pop(), checkpoint_digest=hashlib.sha256(digests.encode()).hexdigest())
        return cls(spec, tuple(image.source for image in scanned.images), bool(side))

    @property
    def spec(self) -> GeneratorSpec:
        """What it is; its digest is that of all images."""
        return self.made

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) of the images, gray, none twice, in an order that `seed` gives.

        Raises:
            NotEnoughData: There are fewer than `n`.
            UsageError: A condition is asked for.
        """
        if condition:
            raise UsageError("folder: knows no condition, got one")
        if n > len(self.sources):
            raise NotEnoughData(f"{n} samples must lie in the folder, found {len(self.sources)}; make more")
        rows = np.random.default_rng(seed).permutation(len(self.sources))[:n]
        out = np.empty((n, *self.made.shape), dtype=np.float32)
        for place, row in enumerate(rows):
            image = to_gray(self.sources[row].read())
            out[place] = canvas(image, self.made.shape[0]) if self.resized else image
        return out
