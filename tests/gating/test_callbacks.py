"""Lightning, Ignite and MONAI: audited when due, stopped at the first FAIL, and trained as without a gate."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from synthaudit.cohort import Role
from synthaudit.errors import UsageError
from synthaudit.gating.gate import CheckpointGate
from synthaudit.gating.ignite_handler import IgniteGate
from synthaudit.phantoms.chest import ChestPopulation

TRAIN = ChestPopulation(seed=2, size=32).cohort(Role.TRAIN, range(4))
Images = NDArray[np.float32]


class Brightening(nn.Module):
    """Its samples are brighter after every step: an audit fails from the third epoch on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(2, 1)
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.Dropout(0.5).eval()
        self.steps = 0

    def sample(self, n: int, seed: int) -> torch.Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        torch.manual_seed(seed)
        return torch.full((n, 1, 8, 8), min(1.0, 0.15 * self.steps)) + 0.0 * torch.rand(n, 1, 8, 8)

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        error: torch.Tensor = self.linear(self.dropout(x)) - 1
        return error.square().mean()


class Module(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = Brightening()

    def sample(self, n: int, seed: int) -> torch.Tensor:
        made: torch.Tensor = self.net.sample(n, seed)
        return made

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        loss: torch.Tensor = self.net.loss(batch[0])
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def data() -> Any:
    x = torch.arange(8.0).reshape(4, 2)
    return DataLoader(TensorDataset(x), batch_size=2, shuffle=True)


def fitted(callbacks: list[Any], epochs: int = 5) -> tuple[Any, Module]:
    """A training of two steps an epoch."""
    module = Module()
    torch.manual_seed(5)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=callbacks,
    )
    trainer.fit(module, data())
    return trainer, module


pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # Lightning 2.6 with torch 2.15
]


def test_lightning_stops_at_the_first_failure(shown: list[Images]) -> None:
    from synthaudit.gating.lightning_callback import LightningGate

    callback = LightningGate(CheckpointGate(TRAIN, every=1, samples=3, mlflow=False))
    trainer, module = fitted([callback])
    assert [one.epoch for one in callback.checked] == [1, 2, 3]
    assert [one.stop for one in callback.checked] == [False, False, True]
    assert trainer.current_epoch == 3
    assert module.net.training
    assert not module.net.frozen.training
    assert len(shown) == 3


def test_lightning_trains_as_without_a_gate(shown: list[Images]) -> None:
    from synthaudit.gating.lightning_callback import LightningGate

    gate = CheckpointGate(TRAIN, every=2, samples=3, mlflow=False, stop_on=frozenset())
    _, gated = fitted([LightningGate(gate)], epochs=4)
    _, alone = fitted([], epochs=4)
    assert len(shown) == 2
    torch.testing.assert_close(gated.net.linear.weight, alone.net.linear.weight, rtol=0, atol=0)


def test_a_module_that_cannot_sample_is_refused_before_training(shown: list[Images]) -> None:
    from synthaudit.gating.lightning_callback import LightningGate

    class Mute(Module):
        sample = None  # type: ignore[assignment]

    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[LightningGate(CheckpointGate(TRAIN))],
    )  # fmt: skip
    with pytest.raises(UsageError, match="found a module without"):
        trainer.fit(Mute(), data())
    assert shown == []


def stepping(network: Brightening) -> Any:
    optimizer = torch.optim.SGD(network.parameters(), 0.1)

    def step(_: Any, batch: list[torch.Tensor]) -> float:
        network.train()
        network.frozen.eval()
        optimizer.zero_grad()
        loss = network.loss(batch[0])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())

    return step


def test_ignite_stops_at_the_first_failure(shown: list[Images]) -> None:
    engine = pytest.importorskip("ignite.engine")
    network = Brightening()
    trainer = engine.Engine(stepping(network))
    handler = IgniteGate(CheckpointGate(TRAIN, samples=3, mlflow=False), network.sample, network)
    handler.attach(trainer)
    state = trainer.run(data(), max_epochs=5)
    assert [one.stop for one in handler.checked] == [False, False, True]
    assert state.epoch == 3
    assert len(shown) == 3


def test_monai_takes_it_among_its_handlers(shown: list[Images]) -> None:
    engines = pytest.importorskip("monai.engines")
    network = Brightening()
    handler = IgniteGate(CheckpointGate(TRAIN, samples=3, mlflow=False), network.sample, network)
    trainer = engines.SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=5,
        train_data_loader=data(),
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.1),
        loss_function=nn.MSELoss(),
        iteration_update=stepping(network),
        train_handlers=[handler],
    )
    trainer.run()
    assert [one.epoch for one in handler.checked] == [1, 2, 3]
    assert len(shown) == 3
