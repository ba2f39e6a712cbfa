"""A handler for Ignite, and so for MONAI's trainers, that audits a network every so many epochs."""

from __future__ import annotations

from typing import Any

from synthaudit.errors import MissingDependency
from synthaudit.gating.evaluating import evaluating
from synthaudit.gating.gate import Checked, CheckpointGate, Sampler


class IgniteGate:
    """Stops the training when a checkpoint fails.

    MONAI's trainers take it among their `train_handlers`; any other Ignite engine is given to `attach`. With several
    processes, attach it in all of them: the first samples and audits, and all of them stop.

    Args:
        gate: What to audit against, and how often.
        sampler: From a number and a seed to images.
        network: Put into evaluation mode, without gradients, while it samples; None if the sampler sees to that.

    Attributes:
        checked: What was found so far, oldest first.
    """

    def __init__(self, gate: CheckpointGate, sampler: Sampler, network: Any = None) -> None:
        self.gate = gate
        self.sampler = sampler
        self.network = network
        self.checked: list[Checked] = []

    def attach(self, engine: Any) -> None:
        """Audit after the epochs of this trainer; now, see that it will be possible.

        Raises:
            MissingDependency: Ignite is not installed.
            SynthauditError: The policy, the output or the sampler's images cannot be used.
        """
        try:
            from ignite.engine import Events
        except ImportError as error:
            raise MissingDependency(
                "the handler needs pytorch-ignite, found none; pip install pytorch-ignite"
            ) from error
        engine.add_event_handler(Events.STARTED, self._rehearse)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def _rehearse(self, _: Any) -> None:
        with evaluating(self.network):
            self.gate.rehearse(self.sampler)

    def __call__(self, engine: Any) -> None:
        """Audit if it is due."""
        import ignite.distributed as idist

        epoch = int(engine.state.epoch)
        if not self.gate.due(epoch):
            return
        stop = False
        if idist.get_rank() == 0:
            with evaluating(self.network):
                self.checked.append(self.gate.check(self.sampler, epoch))
            stop = self.checked[-1].stop
        if idist.get_world_size() > 1:
            stop = bool(idist.broadcast(float(stop)))
        if stop:
            engine.terminate()
