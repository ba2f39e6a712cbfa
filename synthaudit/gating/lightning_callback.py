"""A callback for PyTorch Lightning that audits the module every so many epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthaudit.errors import MissingDependency, UsageError
from synthaudit.gating.evaluating import evaluating
from synthaudit.gating.gate import Checked, CheckpointGate, Sampler

try:
    from lightning.pytorch import Callback
except ImportError:
    try:
        from pytorch_lightning import Callback  # type: ignore[assignment]
    except ImportError as error:
        raise MissingDependency("the Lightning callback needs lightning, found none; pip install lightning") from error

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer


class LightningGate(Callback):  # type: ignore[misc, unused-ignore]
    """Stops the training when a checkpoint fails.

    The module is in evaluation mode and without gradients while it samples, and as it was afterwards. Only the first
    process samples and audits; all of them stop.

    Args:
        gate: What to audit against, and how often.
        sampler: From a number and a seed to images; None takes the module's own `sample(n, seed)`.

    Attributes:
        checked: What was found so far, oldest first.
    """

    def __init__(self, gate: CheckpointGate, sampler: Sampler | None = None) -> None:
        super().__init__()
        self.gate = gate
        self.sampler = sampler
        self.checked: list[Checked] = []

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Fail now rather than after the first epochs."""
        if trainer.is_global_zero:
            with evaluating(pl_module):
                self.gate.rehearse(self._sampler(pl_module))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Audit if it is due."""
        epoch = trainer.current_epoch + 1
        if not self.gate.due(epoch):
            return
        stop = False
        if trainer.is_global_zero:
            with evaluating(pl_module):
                self.checked.append(self.gate.check(self._sampler(pl_module), epoch))
            stop = self.checked[-1].stop
        if trainer.strategy.reduce_boolean_decision(stop, all=False):
            trainer.should_stop = True

    def _sampler(self, module: Any) -> Sampler:
        sampler = self.sampler or getattr(module, "sample", None)
        if not callable(sampler):
            raise UsageError("the gate needs a sampler, found a module without `sample(n, seed)`; give it one")
        return sampler
