"""A style-based GAN: a mapping network, styles that scale the convolutions, noise; and the way back from an image.

This is the kind that made patients who do not exist. An image can be sought in it: the style whose image lies nearest,
and how near that is (`invert`); a member that lies nearer than a held-out patient does is a leak of the checkpoint.

References:
    Karras, Laine, Aila 2019, arXiv:1812.04948; Karras et al. 2020, arXiv:1912.04958; Chen, Yu, Zhang, Fritz 2020,
    arXiv:1909.03935 (inversion distance as an attack).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import UsageError
from synthaudit.generators.adversarial_recipe import AdversarialRecipe
from synthaudit.generators.chunks import in_chunks
from synthaudit.generators.network_generator import Facts, NetworkGenerator, no_condition, require_at_least
from synthaudit.generators.protocol import Condition, Images, checked_images
from synthaudit.generators.seeding import item_normals

if TYPE_CHECKING:
    from synthaudit.generators.network_fit import Learner

STARTS = 256
"""Styles among which the search for an image looks for a place to begin."""

INVERSION_STEPS = 60
"""Of the search, where nobody says otherwise."""

PATH_STEP = 0.01
"""Share of the way between two styles over which a path's length is taken; the paper's 1e-4 is too fine for float32."""


@dataclass(frozen=True, slots=True)
class StyleGanRecipe(AdversarialRecipe):
    """The settings of a style-based GAN; what is not said here is said in `AdversarialRecipe`.

    Attributes:
        style: Width of a style.
        depth: Layers of the mapping network.
        truncation: In [0, 1]; below 1 samples are pulled to the mean style by that factor. The literature pulls by 0.5
            to 0.7, which looks better and hides both variety and leaks, so samples are not pulled here.

    Raises:
        UsageError: A setting is out of range.
    """

    width: int = 16
    most: int = 64
    style: int = 64
    depth: int = 4
    truncation: float = 1.0

    def __post_init__(self) -> None:
        AdversarialRecipe.__post_init__(self)
        require_at_least(self, {"style": 1, "depth": 1})
        if not 0 <= self.truncation <= 1:
            raise UsageError(f"truncation must lie in [0, 1], got {self.truncation}")


@dataclass(frozen=True, slots=True, eq=False)
class StyleGan(NetworkGenerator):
    """The style-based GAN; its latent vectors are styles."""

    kind: ClassVar[str] = "style-gan"
    leaks: ClassVar[str] = (
        "The critic and the way back, more than samples. Measured on 64 chest phantoms of 32 px, 64 others held out, "
        "700 steps, 61 CPU seconds, seed 0: AUC of members by the critic .98, by inversion distance .68, by the "
        "nearest of 256 samples .66; .65 of the samples lay nearer to a member than to anyone held out. Frechet "
        "distance in 32 principal components 1.3 (real .2, pixels drawn one by one 10). A few samples in a hundred "
        "are burned out."
    )
    recipe: StyleGanRecipe = field(default_factory=StyleGanRecipe)

    def learner(self, facts: Facts) -> Learner:
        """The two players."""
        del facts
        from synthaudit.generators.style_gan_network import StyleGanLearner

        return StyleGanLearner(self.recipe)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, size, size) images; image i depends on `seed` and i only.

        Raises:
            UsageError: Nothing was fitted, or a condition is asked for.
        """
        no_condition(self.kind, condition)
        latent = self.recipe.latent
        normal = item_normals(n, latent + self._noise_width(), seed)
        styles = self._styles(normal[:, :latent])
        if self.recipe.truncation < 1:
            mean = self._mean_style()
            styles = mean + np.float32(self.recipe.truncation) * (styles - mean)
        return self._images(styles, normal[:, latent:])

    def discriminate(self, x: Images) -> NDArray[np.float32]:
        """(n,) logits of the critic, higher = taken for a training image; those of fresh images are no zero point."""
        from synthaudit.generators.adversarial import to_signed

        critic = self.network("critic")
        judged = self.applied(lambda part: critic(to_signed(part[:, None])))
        return in_chunks(judged, checked_images(x, self.spec.shape))

    def invert(
        self, x: Images, seed: int, steps: int = INVERSION_STEPS
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n, style) styles whose images lie nearest to `x`, and (n,) how near: root mean square, in pixel values.

        Noise is left at 0, so fine grain that no style holds counts as distance, for members and others alike. Each
        image is sought on its own; the same seed gives the same starts to all.

        Args:
            x: (n, size, size) in [0, 1].
            seed: Of the styles among which the search begins.
            steps: Of the search; 0 keeps the best start.
        """
        from synthaudit.generators.style_gan_network import nearest_style

        starts = self._styles(item_normals(STARTS, self.recipe.latent, seed))
        synthesis, width = self.network("synthesis"), self._noise_width()

        def sought(part: NDArray[np.float32]) -> NDArray[np.float32]:
            return self.applied(lambda rows, begin: nearest_style(synthesis, rows, begin, width, steps))(part, starts)

        x = checked_images(x, self.spec.shape)
        styles = in_chunks(sought, x)
        squared = (self.decode(styles) - x).astype(np.float64) ** 2
        return styles, np.sqrt(squared.mean(axis=(1, 2))).astype(np.float32)

    def encode(self, x: Images) -> NDArray[np.float32]:
        """(n, style) styles whose images lie nearest to `x`; a search, not a network: seconds, not milliseconds."""
        return self.invert(x, seed=0)[0]

    def decode(self, z: NDArray[np.float32]) -> Images:
        """(n, size, size) images of styles, without noise."""
        return self._images(z, np.zeros((len(z), self._noise_width()), dtype=np.float32))

    def reconstruct(self, x: Images, strength: float, seed: int) -> Images:
        """(n, size, size) images found again, then led toward another style, without noise.

        Args:
            x: (n, size, size) in [0, 1].
            strength: In [0, 1]; at 0 only what no style holds is lost, at 1 nothing of the image stays.
            seed: Of the other style; that of image i depends on `seed` and i only.

        Raises:
            UsageError: `strength` lies outside [0, 1].
        """
        if not 0 <= strength <= 1:
            raise UsageError(f"strength must lie in [0, 1], got {strength}")
        styles = self.encode(x)
        others = self._styles(item_normals(len(x), self.recipe.latent, seed))
        return self.decode(styles + np.float32(strength) * (others - styles))

    def path_length(self, n: int, seed: int) -> NDArray[np.float64]:
        """(n,) mean squared change of a pixel for a small step between two styles, over the step's square.

        Even lengths mean that styles are spread evenly over images; a mean far above others' means cliffs, as between
        remembered images. In pixels, not in a perceptual distance, so it compares recipes here and nothing else.

        Reference: Karras, Laine, Aila 2019, arXiv:1812.04948, 4.1.
        """
        latent = self.recipe.latent
        normal = item_normals(n, 2 * latent, seed)
        first, second = self._styles(normal[:, :latent]), self._styles(normal[:, latent:])
        place = np.random.default_rng(seed).random((n, 1)).astype(np.float32)
        here, there = (self.decode(first + (place + step) * (second - first)) for step in (0, np.float32(PATH_STEP)))
        change = (here - there).astype(np.float64) ** 2
        return np.asarray(change.mean(axis=(1, 2)) / PATH_STEP**2)

    def _styles(self, normal: NDArray[np.float32]) -> NDArray[np.float32]:
        return in_chunks(self.applied(self.network("mapping")), normal)

    def _mean_style(self) -> NDArray[np.float32]:
        mean: NDArray[np.float32] = self._styles(item_normals(1024, self.recipe.latent, 0)).mean(axis=0)
        return mean

    def _images(self, styles: NDArray[np.float32], noise: NDArray[np.float32]) -> Images:
        from synthaudit.generators.adversarial import from_signed

        synthesis = self.network("synthesis")
        return in_chunks(self.applied(lambda w, grain: from_signed(synthesis(w, grain))), styles, noise)

    def _noise_width(self) -> int:
        width = self.network("synthesis").noise_width
        return int(width)  # type: ignore[arg-type]
