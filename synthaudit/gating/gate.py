"""Does the generator, as it is now, copy the patients it is being trained on?

Memorization sets in late: a generator that learned the population in the first epochs begins to repeat its patients in
the last. Whoever audits at the end learns that the training was in vain; whoever audits on the way keeps the checkpoint
from before. The answer is that of `audit` on fresh samples, no more: what a checkpoint remembers and did not show in
these samples, and what an attack on the weights finds, is not in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaudit import output
from synthaudit.audit_record import Audit
from synthaudit.cohort import Role
from synthaudit.embedding_cache import EmbeddingCache
from synthaudit.errors import UsageError
from synthaudit.gating.mlflow_log import log_audit
from synthaudit.gating.undisturbed import undisturbed
from synthaudit.generators.made import images_cohort
from synthaudit.intake import Images
from synthaudit.policy import Policy, Verdict, load_policy
from synthaudit.probe import Probe, Settings
from synthaudit.progress import Progress
from synthaudit.run_audit import audit

Sampler = Callable[[int, int], Any]
"""From a number and a seed to so many images: (n, h, w) or (n, 1, h, w), an array or a tensor, in [0, 1]."""

REHEARSED = 2
"""Images made before the training, to see that they can be audited."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One audit on the way.

    Attributes:
        epoch: After how many epochs.
        audit: The audit.
        folder: Where its reports are; None where none were asked for.
        stop: Whether training should stop.
    """

    epoch: int
    audit: Audit
    folder: Path | None
    stop: bool


@dataclass(frozen=True, slots=True)
class CheckpointGate:
    """Audits a generator every so many epochs.

    What is computed of the real images is kept in the cache, so every audit but the first costs little more than its
    samples.

    Attributes:
        train, holdout, metadata: As for `audit`.
        every: Epochs from one audit to the next.
        samples: Images made for each audit. A generator that copies one image in a thousand needs thousands.
        policy: A preset, a TOML file, or a Policy.
        probes: Names or objects; all that are installed by default. Rules about the others stay open.
        stop_on: Verdicts that stop the training.
        out: Where each audit goes, in a folder `epoch-0010`; None writes no reports.
        mlflow: Log to the MLflow run that is active, if there is one.
        settings, seed, workers, device, cache, progress: As for `audit`.

    Raises:
        UsageError: A setting is out of range.
    """

    train: Images
    holdout: Images | None = None
    metadata: str | os.PathLike[str] | None = None
    every: int = 1
    samples: int = 256
    policy: str | os.PathLike[str] | Policy = "internal"
    probes: Sequence[str | Probe] | None = None
    stop_on: frozenset[Verdict] = frozenset({Verdict.FAIL})
    out: Path | None = None
    mlflow: bool = True
    settings: Settings | None = None
    seed: int = 0
    workers: int | None = None
    device: str = "cpu"
    cache: EmbeddingCache | None = None
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        for name in ("every", "samples"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")

    def due(self, epoch: int) -> bool:
        """Whether an audit is due after so many epochs (1 is the first)."""
        return epoch % self.every == 0

    def rehearse(self, sampler: Sampler) -> None:
        """See, before hours of training, that the policy and the output can be used and the sampler's images audited.

        Raises:
            SynthauditError: They cannot.
        """
        if not isinstance(self.policy, Policy):
            load_policy(os.fspath(self.policy))
        if self.out is not None:
            output.check_output(self._folder(self.every), overwrite=True)
        self._made(sampler, REHEARSED, self.seed)

    def check(self, sampler: Sampler, epoch: int) -> Checked:
        """Make samples, audit them, write and log what was found.

        The random states of torch, NumPy and Python are put back, so that training goes on as if nobody had asked.

        Args:
            sampler: Makes images of the generator as it is now.
            epoch: After how many epochs; part of the samples' seed.
        """
        images = self._made(sampler, self.samples, self.seed + epoch)
        with undisturbed():
            found = audit(
                train=self.train,
                holdout=self.holdout,
                metadata=self.metadata,
                synthetic=images_cohort(Role.SYNTHETIC, images),
                probes=self.probes,
                policy=self.policy,
                seed=self.seed,
                workers=self.workers,
                device=self.device,
                cache=self.cache,
                settings=self.settings,
                progress=self.progress,
            )
        folder = None if self.out is None else output.write(found, self._folder(epoch), overwrite=True)
        if self.mlflow:
            log_audit(found, epoch, folder)
        return Checked(epoch, found, folder, found.verdict in self.stop_on)

    def _folder(self, epoch: int) -> Path:
        return Path(self.out or ".") / f"epoch-{epoch:04d}"

    def _made(self, sampler: Sampler, n: int, seed: int) -> NDArray[np.float32]:
        with undisturbed(seed):
            return as_images(sampler(n, seed), n)


def as_images(made: object, n: int) -> NDArray[np.float32]:
    """(n, h, w) float32 in [0, 1] from what a sampler gave.

    Raises:
        UsageError: It is something else.
    """
    if hasattr(made, "detach"):
        made = made.detach().cpu().float().numpy()
    images = np.asarray(made)
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim != 3 or len(images) != n or images.dtype.kind not in "fiu":
        raise UsageError(
            f"a sampler must give ({n}, height, width) or ({n}, 1, height, width) gray values, got {images.dtype} "
            f"{images.shape}"
        )
    if not np.isfinite(images).all() or images.min() < -1e-3 or images.max() > 1 + 1e-3:
        raise UsageError(
            f"a sampler's gray values must lie in [0, 1], got {images.min():.3g} to {images.max():.3g}; rescale them "
            "in the sampler"
        )
    return np.asarray(np.clip(images, 0, 1), dtype=np.float32)
