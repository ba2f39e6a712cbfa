"""A DCGAN: a generator against a critic, non-saturating loss, R1, averaged weights.

Small GANs on a CPU did not copy, so do not expect its samples to leak as those of a diffusion do; its critic, which is
seldom published, gives members away: see `Dcgan.leaks` for what was measured. It stands for the large part of the
literature that is adversarial, and gives attacks on the critic (LOGAN) something real to attack.

References:
    Radford, Metz, Chintala 2016, arXiv:1511.06434; Goodfellow et al. 2014, arXiv:1406.2661; Mescheder, Geiger,
    Nowozin 2018, arXiv:1801.04406; Hayes, Melis, Danezis, De Cristofaro 2019, arXiv:1705.07663 (LOGAN).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthaudit.generators.adversarial_recipe import AdversarialRecipe
from synthaudit.generators.chunks import in_chunks
from synthaudit.generators.network_generator import Facts, NetworkGenerator, no_condition
from synthaudit.generators.protocol import Condition, Images, checked_images
from synthaudit.generators.seeding import item_normals

if TYPE_CHECKING:
    from synthaudit.generators.network_fit import Learner


@dataclass(frozen=True, slots=True, eq=False)
class Dcgan(NetworkGenerator):
    """The DCGAN.

    It has no `score`: a critic's logit says what the critic took for a training image, not how well the generator
    knows it; the logit is there as `discriminate`.
    """

    kind: ClassVar[str] = "dcgan"
    leaks: ClassVar[str] = (
        "The critic, not the samples. Measured on 64 chest phantoms of 32 px, 64 others held out, 500 steps, 50 CPU "
        "seconds, seed 0: AUC of members by the critic .99, by the nearest of 256 samples .68; .63 of the samples "
        "lay nearer to a member than to anyone held out. Frechet distance in 32 principal components 1.5 (real .2, "
        "pixels drawn one by one 10). Samples lean toward members and give none back."
    )
    recipe: AdversarialRecipe = field(default_factory=AdversarialRecipe)

    def learner(self, facts: Facts) -> Learner:
        """The two players."""
        del facts
        from synthaudit.generators.dcgan_network import DcganLearner

        return DcganLearner(self.recipe)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, size, size) images; image i depends on `seed` and i only.

        Raises:
            UsageError: Nothing was fitted, or a condition is asked for.
        """
        no_condition(self.kind, condition)
        from synthaudit.generators.adversarial import from_signed

        maker = self.network("maker")
        return in_chunks(self.applied(lambda z: from_signed(maker(z))), item_normals(n, self.recipe.latent, seed))

    def discriminate(self, x: Images) -> NDArray[np.float32]:
        """(n,) logits of the critic, higher = taken for a training image; those of fresh images are no zero point."""
        from synthaudit.generators.adversarial import to_signed

        critic = self.network("critic")
        judged = self.applied(lambda part: critic(to_signed(part[:, None])))
        return in_chunks(judged, checked_images(x, self.spec.shape))
