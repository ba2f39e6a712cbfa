"""A network pickle of NVlabs' StyleGAN2-ADA or StyleGAN3: `stylegan:FILE.pkl?repo=DIR`.

Such a pickle executes code as it is loaded: the source of the network is inside. So it is loaded in a process of its
own, and only with your word; `repo` is your own checkout of the code it was made with (for `dnnlib` and `torch_utils`).
Nothing of that code is here. Images are in [-1, 1] and are cut off there, as that code does when it writes images; the
noise of the synthesis is held constant, so that an image depends on its latent alone.
"""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthaudit.errors import InputError, UsageError
from synthaudit.generators.adapters.remote import OPTIONS, Remote, remote_generator
from synthaudit.generators.adapters.serve import command
from synthaudit.generators.adapters.torch_rows import (
    channels_first,
    channels_last,
    digest_of,
    existing_file,
    existing_folder,
    on_device,
    through,
)
from synthaudit.generators.adapters.uri import Uri, must_trust
from synthaudit.generators.protocol import Capability, Condition, GeneratorSpec, Images, capabilities_of
from synthaudit.generators.seeding import item_normals

if TYPE_CHECKING:
    from torch import Tensor

RANGE = (-1.0, 1.0)
CONDITION = "class"


class StyleGanPickle:
    """The adapter `stylegan:FILE.pkl?repo=DIR`."""

    @classmethod
    def from_uri(cls, argument: str, *, device: str, trust_code: bool) -> Remote:
        """The generator in the pickle; its discriminator too, where it is there and takes no label.

        Raises:
            UsageError: It may not run, or is no such pickle.
            InputError: There is no such file or folder, or it cannot be loaded.
        """
        uri = Uri.parse("stylegan", argument, (*OPTIONS, "repo"), "FILE.pkl?repo=DIR")
        file = existing_file("stylegan", uri.target)
        repo = existing_folder("stylegan: option repo", uri.options["repo"]) if "repo" in uri.options else None
        must_trust(uri, trust_code, f"the pickle {file.name}")
        arguments = {"file": str(file), "repo": str(repo or ""), "device": device}
        return remote_generator(command(opened, arguments), uri, clip=True)


@dataclass(frozen=True, slots=True, eq=False)
class StyleGan:
    """A generator network of that kind.

    Attributes:
        network: `G_ema`: forward(z, c), with z_dim and c_dim.
        made: What it is.
        device: Where it runs.
    """

    network: Any
    made: GeneratorSpec
    device: str

    @property
    def spec(self) -> GeneratorSpec:
        """What it is; its condition `class` is the number of a class, where it has classes."""
        return self.made

    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return capabilities_of(self)

    def sample(self, n: int, seed: int, condition: Condition | None = None) -> Images:
        """(n, h, w) or (n, h, w, 3) images in its own range; image i depends on `seed`, i and the class.

        Raises:
            UsageError: It has classes and none is asked for, or one that there is not.
        """
        labels = self._label(condition or {})
        settings = {"noise_mode": "const"} if _takes(self.network.forward, "noise_mode") else {}

        def made(z: Tensor) -> Tensor:
            result: Tensor = self.network(z, labels.to(z.device).expand(len(z), -1), **settings)
            return result

        return channels_last(through(made, item_normals(n, self.network.z_dim, seed), self.device))

    def _label(self, condition: Condition) -> Tensor:
        import torch

        label = torch.zeros(1, self.network.c_dim)
        if self.network.c_dim:
            text = condition.get(CONDITION, "")
            if not text.isdecimal() or int(text) >= self.network.c_dim:
                got = repr(text) if text else "nothing"
                raise UsageError(f"condition class must be 0 to {self.network.c_dim - 1}, got {got}")
            label[0, int(text)] = 1
        return label


@dataclass(frozen=True, slots=True, eq=False)
class StyleGanAndCritic(StyleGan):
    """The same with its discriminator `D`: forward(images, c), with img_channels."""

    critic: Any

    def discriminate(self, x: Images) -> NDArray[np.float32]:
        """(n,) logits, higher = taken for a training image."""
        import torch

        def judged(images: Tensor) -> Tensor:
            logits: Tensor = self.critic(images, torch.zeros(len(images), 0, device=images.device))
            return logits.flatten()

        return through(judged, channels_first(x, self.critic.img_channels), self.device)


def opened(arguments: Mapping[str, Any]) -> StyleGan:
    """The generator in the pickle `file`; called in a process of its own.

    Raises:
        UsageError: The code it needs is not in `repo`.
        InputError: The pickle holds something else.
    """
    device, file = on_device(arguments["device"]), Path(arguments["file"])
    if arguments["repo"]:
        sys.path.insert(0, arguments["repo"])
    try:
        with file.open("rb") as stream:
            inside = pickle.load(stream)
    except ImportError as error:
        raise UsageError(f"option repo must be the checkout that FILE.pkl was made with, got {error}") from error
    except pickle.UnpicklingError as error:
        raise InputError("FILE.pkl must be a pickle, got something else") from error
    network = inside.get("G_ema") if isinstance(inside, dict) else None
    if network is None:
        raise InputError("FILE.pkl must hold G_ema, found none")
    network = network.to(device).eval().requires_grad_(False)
    side = int(network.img_resolution)
    conditions = (CONDITION,) if network.c_dim else ()
    digest = digest_of([file])
    spec = GeneratorSpec("stylegan", (side, side), RANGE, conditions=conditions, checkpoint_digest=digest)
    critic = inside.get("D")
    if critic is None or network.c_dim:
        return StyleGan(network, spec, device)
    return StyleGanAndCritic(network, spec, device, critic.to(device).eval().requires_grad_(False))


def _takes(function: Any, name: str) -> bool:
    """Whether a function takes an argument of that name, or any."""
    there = inspect.signature(function).parameters
    return name in there or any(parameter.kind is parameter.VAR_KEYWORD for parameter in there.values())
