"""Fitting of the copy network: step by step from (seed, step) alone, so that it may stop and go on at any step.

Each step alters a batch of images and asks which image each came from, among the untouched images of the batch and all
others as they were last seen (InfoNCE, van den Oord et al. 2018, arXiv 1807.03748; a memory of past batches after Wang
et al. 2020, arXiv 1912.06798). An entropy term spreads the images over the sphere (SSCD, Pizzi et al. 2022, arXiv
2202.10261), so that one distance means the same everywhere. Blended images belong to both of their sources, by share.

For the copy task, other images of the same patient are answers as wrong as any, and are drawn into the same batches,
where they are the hardest. For re-identification they are the right answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from synthaudit.encoders.copy_network_augment import Altered, Strengths, alter
from synthaudit.encoders.copy_network_model import Architecture, CopyNet

Task = Literal["copy", "reidentify"]
Arrays = dict[str, NDArray[Any]]

COUNTER = "num_batches_tracked"
TOGETHER = 4
"""At most so many images of one patient are kept together when images are shuffled into batches."""
_FAR = 10.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a copy network is fitted.

    Attributes:
        task: "copy" tells a patient's images apart; "reidentify" brings them together.
        sizes: Of the network.
        strengths: How copies are altered.
        steps, batch: Steps, and images in each; the time is proportional to their product, whatever the data.
        learning_rate, warm_up, weight_decay: Of AdamW; a linear rise over `warm_up` steps, then half a cosine.
        temperature: Of InfoNCE; SSCD and its kin use .05 to .07.
        entropy: Weight of the entropy term; 30 in SSCD, less for less data.
        images_most: At most so many images are used, the first by digest.
        images_least: With fewer, nothing is fitted.
    """

    task: Task = "copy"
    sizes: Architecture = field(default_factory=Architecture)
    strengths: Strengths = field(default_factory=Strengths)
    steps: int = 600
    batch: int = 64
    learning_rate: float = 2e-3
    warm_up: int = 20
    weight_decay: float = 1e-2
    temperature: float = 0.06
    entropy: float = 5.0
    images_most: int = 4096
    images_least: int = 20

    def as_dict(self) -> dict[str, Any]:
        """Every setting, for keys and cards."""
        return asdict(self)


class Training:
    """A copy network being fitted.

    Attributes:
        network: What the optimizer moves.
        step: Steps done.
    """

    def __init__(self, images: Tensor, patients: NDArray[np.intp], recipe: Recipe, seed: int) -> None:
        """An untrained network, its weights drawn from `seed` on the CPU whatever the device.

        Args:
            images: (n, 1, s, s) in [0, 1], on the device to work on.
            patients: (n,) whose image each is.
            recipe: The settings.
            seed: Of every random choice.
        """
        self.images, self.patients, self.recipe, self.seed, self.step = images, patients, recipe, seed, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = CopyNet(recipe.sizes)
        self.network = network.to(images.device)
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self._memory = torch.zeros(len(images), recipe.sizes.dim, device=images.device)
        self._seen = torch.zeros(len(images), dtype=torch.bool, device=images.device)
        self._patient = torch.from_numpy(patients.astype(np.int64)).to(images.device)

    def advance(self) -> float:
        """Take one step; returns the loss."""
        recipe = self.recipe
        generator = torch.Generator().manual_seed(_state(self.seed, 1, self.step))
        rows, answers = (part.to(self.images.device) for part in self._batch())
        with torch.no_grad():
            altered = alter(self.images[rows], recipe.strengths, generator)
        for group in self._optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _rate(self.step, recipe)
        self.network.train()
        asked, known = self.network(torch.cat([altered.images, self.images[answers]])).chunk(2)
        loss = self._loss(asked, known, rows, answers, altered)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._memory[answers] = known.detach()
        self._seen[answers] = True
        self.step += 1
        return float(loss.detach())

    def _loss(self, asked: Tensor, known: Tensor, rows: Tensor, answers: Tensor, altered: Altered) -> Tensor:
        """InfoNCE of the altered images among all that are known, plus the entropy term."""
        there = self._seen.clone()
        there[answers] = False
        others = there.nonzero()[:, 0]
        gallery = torch.cat([known, self._memory[others]])
        whose = torch.cat([answers, others])
        logits = asked @ gallery.T / self.recipe.temperature
        own = torch.arange(len(rows), device=rows.device)
        if self.recipe.task == "reidentify":
            # Other images of the two patients shown are no wrong answers.
            patient, gallery_patient = self._patient[rows], self._patient[whose]
            same = (patient[:, None] == gallery_patient) | (patient[altered.partner][:, None] == gallery_patient)
            same[own, own] = False
            same[own, altered.partner] = False
            logits = logits.masked_fill(same, -torch.inf)
        likely = functional.log_softmax(logits, dim=1)
        share = altered.share
        # A partner of no weight may be masked out, and 0 times -inf is no number.
        second = torch.where(share < 1, likely[own, altered.partner], torch.zeros_like(share))
        contrast = -(share * likely[own, own] + (1 - share) * second).mean()
        return contrast + self.recipe.entropy * self._entropy(known, gallery, answers, whose)

    def _entropy(self, known: Tensor, gallery: Tensor, answers: Tensor, whose: Tensor) -> Tensor:
        """Mean negative log distance of each known image to the nearest other (Kozachenko-Leonenko)."""
        self_or_kin = answers[:, None] == whose
        if self.recipe.task == "reidentify":
            self_or_kin = self._patient[answers][:, None] == self._patient[whose]
        squared = (2 - 2 * known @ gallery.T).clamp(min=1e-6) + _FAR * self_or_kin
        return -0.5 * squared.min(dim=1).values.log().mean()

    def _batch(self) -> tuple[Tensor, Tensor]:
        """(b,) rows to alter, and (b,) rows that are the right answers: the same, or others of the same patients."""
        n = len(self.patients)
        size = min(self.recipe.batch, n)
        epoch, place = divmod(self.step, n // size)
        rows = _shuffled(self.patients, np.random.default_rng([self.seed, 2, epoch]))[place * size : (place + 1) * size]
        answers = rows
        if self.recipe.task == "reidentify":
            rng = np.random.default_rng(_state(self.seed, 3, self.step))
            answers = np.array([rng.choice(_others(self.patients, row)) for row in rows], dtype=np.intp)
        return torch.from_numpy(rows.astype(np.int64)), torch.from_numpy(answers.astype(np.int64))

    def arrays(self) -> Arrays:
        """All that `restore` needs."""
        found = {f"network.{name}": array for name, array in weights(self.network).items()}
        for name, parameter in self.network.named_parameters():
            state = self._optimizer.state[parameter]
            found[f"moment1.{name}"] = _numpy(state["exp_avg"])
            found[f"moment2.{name}"] = _numpy(state["exp_avg_sq"])
        found["memory"] = _numpy(self._memory)
        found["seen"] = _numpy(self._seen.to(torch.uint8))
        return found

    def restore(self, arrays: Mapping[str, NDArray[Any]], step: int) -> None:
        """Go back to where `arrays` were taken, after `step` steps."""
        set_weights(
            self.network, {k.removeprefix("network."): v for k, v in arrays.items() if k.startswith("network.")}
        )
        for name, parameter in self.network.named_parameters():
            moments = (torch.from_numpy(arrays[f"moment{i}.{name}"].copy()).to(parameter.device) for i in (1, 2))
            first, second = (torch.empty_like(parameter).copy_(moment) for moment in moments)
            self._optimizer.state[parameter] = {
                "step": torch.tensor(float(step)),
                "exp_avg": first,
                "exp_avg_sq": second,
            }
        self._memory.copy_(torch.from_numpy(arrays["memory"].copy()))
        self._seen.copy_(torch.from_numpy(arrays["seen"].copy()).to(torch.bool))
        self.step = step


def weights(network: CopyNet) -> Arrays:
    """The network's parameters and running statistics, by name."""
    return {name: _numpy(value) for name, value in network.state_dict().items() if not name.endswith(COUNTER)}


def set_weights(network: CopyNet, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set what `weights` gave; names and shapes must be right."""
    state = network.state_dict()
    with torch.no_grad():
        for name, array in arrays.items():
            state[name].copy_(torch.from_numpy(array.copy()))


def _shuffled(patients: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """All rows in random order, but a patient's images in groups of up to TOGETHER."""
    order = rng.permutation(len(patients))
    order = order[np.argsort(patients[order], kind="stable")]
    new = np.flatnonzero(np.diff(patients[order], prepend=-1))
    turn = np.arange(len(order)) - np.repeat(new, np.diff(np.append(new, len(order))))
    group = np.cumsum(turn % TOGETHER == 0) - 1
    return np.asarray(order[np.argsort(rng.permutation(group[-1] + 1)[group], kind="stable")])


def _others(patients: NDArray[np.intp], row: int) -> NDArray[np.intp]:
    """Rows of the other images of this row's patient; the row itself where there is none."""
    kin = np.flatnonzero(patients == patients[row])
    return kin[kin != row] if len(kin) > 1 else kin


def _rate(step: int, recipe: Recipe) -> float:
    return float(min(1.0, (step + 1) / recipe.warm_up) * 0.5 * (1 + np.cos(np.pi * step / recipe.steps)))


def _state(*numbers: int) -> int:
    """A seed from numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
    return array.copy()
