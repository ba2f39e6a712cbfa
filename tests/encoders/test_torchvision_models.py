"""torchvision's classifiers without their last layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthaudit.encoders.torchvision_models import Torchvision, without_head
from synthaudit.errors import EncoderError, UsageError


def test_vectors_are_what_the_last_layer_is_given(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file
    from torchvision.models import shufflenet_v2_x0_5

    with torch.random.fork_rng():
        torch.manual_seed(0)
        peer = shufflenet_v2_x0_5(num_classes=5).eval()
    save_file(peer.state_dict(), tmp_path / "m.safetensors")
    encoder = Torchvision.from_spec(f"shufflenet_v2_x0_5@{tmp_path}/m.safetensors")
    assert (encoder.name, encoder.dim, encoder.input_size) == ("torchvision:shufflenet_v2_x0_5", 1024, 224)
    given: list[Any] = []
    peer.fc.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    shown = np.random.default_rng(0).random((2, 224, 224, 3)).astype(np.float32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        peer(((torch.from_numpy(shown) - mean) / std).permute(0, 3, 1, 2))
        rows = torch.nn.functional.normalize(given[0], dim=-1).numpy()
    np.testing.assert_allclose(encoder.encode(shown), rows, atol=2e-6)


@pytest.mark.parametrize(
    ("architecture", "head"),
    [
        ("resnet18", "fc."),
        ("densenet121", "classifier."),
        ("mobilenet_v2", "classifier.1."),
        ("convnext_tiny", "classifier.2."),
        ("vit_b_16", "heads.head."),
        ("swin_t", "head."),
        ("vgg11", "classifier.6."),
    ],
)
def test_heads_are_found_by_whatever_name(architecture: str, head: str) -> None:
    import torch
    from torchvision import models

    with torch.device("meta"):
        full = models.get_model(architecture)
        keys = set(full.state_dict())
        network, found = without_head(architecture, full)
    assert found == head
    assert keys - set(network.state_dict()) == {f"{head}weight", f"{head}bias"}


def test_architectures_that_do_not_serve() -> None:
    import torch
    from torchvision import models

    with torch.device("meta"):
        network = models.squeezenet1_0()
    with pytest.raises(EncoderError, match="a network that ends with a linear layer, which torchvision:squeezenet1_0"):
        without_head("torchvision:squeezenet1_0", network)
    for name in ("no_such", "fcn_resnet50", "maskrcnn_resnet50_fpn"):
        with pytest.raises(EncoderError, match=f"a classifier that torchvision knows .* got {name}"):
            Torchvision.from_spec(f"{name}@w.safetensors")
    with pytest.raises(UsageError, match="torchvision must be given as torchvision:ARCHITECTURE"):
        Torchvision.from_spec("")
    with pytest.raises(EncoderError, match=r"found none. Get the architecture's .pth from download.pytorch.org"):
        Torchvision.from_spec("resnet18", offline=False)
