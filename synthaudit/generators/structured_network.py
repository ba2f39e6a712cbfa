"""The training of the structured autoencoder: a code in two parts, one of which must tell the group, and one must not.

References: Ganin et al. 2016, "Domain-adversarial training of neural networks", arXiv:1505.07818 (the reversed
gradient); Kingma et al. 2014, arXiv:1406.5298 (a part of the code for the label).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synthaudit.generators.network_fit import Part, Step
from synthaudit.generators.vae_network import BETAS, ConvDecoder, ConvEncoder, code, divergence, surprise_of

APART = 3.0
"""Distance from the origin at which a group's codes are expected, in their own deviations."""


@dataclass(frozen=True, slots=True)
class StructuredLearner:
    """Raises the bound, and keeps the group in its own part of the code.

    Attributes:
        size, patch, width: Of the networks.
        group_latent: Numbers of a code that tell the group; they come first.
        rest_latent: The others.
        groups: How many there are.
        beta: Weight of the divergence.
        group_weight: Weight of telling the group from its part.
        reversal: Weight of not telling it from the rest.
        adversary_steps: Steps of the adversary in each step.
        learning_rate: Of AdamW, at its greatest.
    """

    size: int
    patch: int
    width: int
    group_latent: int
    rest_latent: int
    groups: int
    beta: float
    group_weight: float
    reversal: float
    adversary_steps: int
    learning_rate: float

    def parts(self) -> dict[str, Part]:
        """Encoder, decoder, the classifier of the group's part and the adversary on the rest."""
        latent, rate = self.group_latent + self.rest_latent, self.learning_rate
        adversary = nn.Sequential(nn.Linear(self.rest_latent, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        adversary.append(nn.Linear(64, self.groups))
        return {
            "encoder": Part(ConvEncoder(self.size, self.patch, self.width, latent), rate, BETAS),
            "decoder": Part(ConvDecoder(self.size, self.patch, self.width, latent), rate, BETAS),
            "classifier": Part(nn.Linear(self.group_latent, self.groups), rate, BETAS),
            "adversary": Part(adversary, rate, BETAS, falling=False, average=None),
        }

    def step(self, now: Step) -> dict[str, Tensor]:
        """One step on now.batch: "image" (b, 1, size, size), and "group" (b, groups), all 0 where it is not known."""
        x, group = now.batch["image"], now.batch["group"]
        mean, spread = now.networks["encoder"](x)
        z = code(mean, spread, now.normal(*mean.shape))
        # The means, not the codes drawn around them: noise would hide from the adversary what `encode` gives away.
        own, rest = mean[:, : self.group_latent], mean[:, self.group_latent :]
        for _ in range(self.adversary_steps):
            caught = _missed(now.networks["adversary"](rest.detach()), group)
            now.descend(caught, "adversary")
        surprise = surprise_of(now.networks["decoder"], x, z).mean()
        far = divergence(mean, spread, group_means(group, self.group_latent, self.rest_latent)).mean() / x[0].numel()
        told = _missed(now.networks["classifier"](own), group)
        # The adversary's loss with the sign turned: what it learns from, the encoder takes away.
        hidden = _missed(now.networks["adversary"](rest), group)
        loss = surprise + self.beta * far + self.group_weight * told - self.reversal * hidden
        now.descend(loss, "encoder", "decoder", "classifier")
        return {"reconstruction": surprise, "divergence": far, "group": told, "adversary": hidden}


def group_means(group: Tensor, group_latent: int, rest_latent: int) -> Tensor:
    """(b, latent) expected codes of (b, groups) shares of groups: each group's on an axis of its own, or its end."""
    groups = group.shape[1]
    corners = torch.zeros(groups, group_latent + rest_latent, device=group.device)
    for number in range(groups):
        axis, end = divmod(number, 2)
        corners[number, axis] = APART * (1 - 2 * end)
    return group @ corners


def _missed(logits: Tensor, group: Tensor) -> Tensor:
    """Mean cross-entropy over the rows whose group is known, in nats."""
    known = group.sum().clamp(min=1)
    lost: Tensor = -(group * logits.log_softmax(dim=1)).sum() / known
    return lost
