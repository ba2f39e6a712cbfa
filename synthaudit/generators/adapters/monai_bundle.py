"""A MONAI bundle as a generator: `monai:DIR`, with the configuration in configs/ and the weights in models/.

A bundle's configuration names classes and expressions that are executed as it is read, so this happens in a process of
its own, and only with your word. Weights are read as safetensors, or by PyTorch's loader for weights alone.

Read are an autoencoder (`AutoencoderKL` or alike), a diffusion on pixels, and a diffusion on the latents of an
autoencoder, of images (not volumes), under the names that MONAI's own bundles use: `autoencoder_def`, `network_def`,
`noise_scheduler` (DDPM or DDIM), `latent_shape` ([channels, h, w] of the noise) and `scale_factor`, in
configs/inference.json or .yaml. Others are named by options: `?config=train_diffusion&network=unet&scheduler=ddpm`,
`latent=3x16x16`, `scale=0.2`, `steps=50`. The weights are models/model_autoencoder and models/model, or models/model
alone where there is one network. Samples are drawn by the bundle's schedule, not by its own sampling script.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synthaudit.errors import InputError, MissingDependency, UsageError
from synthaudit.generators.adapters.bundle_generators import (
    SCHEDULES,
    AutoencoderBundle,
    Bundle,
    LatentBundle,
    Parts,
    PixelBundle,
    decoded,
)
from synthaudit.generators.adapters.remote import OPTIONS, Remote, remote_generator
from synthaudit.generators.adapters.serve import command
from synthaudit.generators.adapters.torch_rows import digest_of, existing_folder, on_device
from synthaudit.generators.adapters.uri import Uri, must_trust
from synthaudit.generators.protocol import GeneratorSpec

NAMES = {
    "config": "inference",
    "autoencoder": "autoencoder_def",
    "network": "network_def",
    "scheduler": "noise_scheduler",
}
"""Options that name a part of the configuration, and what they are in MONAI's own bundles."""


class MonaiBundle:
    """The adapter `monai:DIR`."""

    @classmethod
    def from_uri(cls, argument: str, *, device: str, trust_code: bool) -> Remote:
        """The generator in the bundle.

        Raises:
            UsageError: It may not run, or an option is wrong.
            InputError: There is no such bundle, or it holds something else.
        """
        uri = Uri.parse("monai", argument, (*OPTIONS, *NAMES, "latent", "scale", "steps"), "DIR")
        folder = existing_folder("monai", uri.target)
        must_trust(uri, trust_code, "what the bundle's configuration names")
        sides = uri.options.get("latent", "")
        if sides and not all(side.isdecimal() and int(side) for side in sides.split("x")):
            raise UsageError(f"option latent of monai: must be CHANNELSxHEIGHTxWIDTH, got {sides!r}")
        arguments = {
            "folder": str(folder),
            "names": {option: uri.options.get(option, name) for option, name in NAMES.items()},
            "latent": [int(side) for side in sides.split("x")] if sides else None,
            "scale": uri.number("scale", 1.0) if "scale" in uri.options else None,
            "steps": uri.whole("steps") if "steps" in uri.options else 0,
            "range": uri.value_range((0.0, 1.0)),
            "device": device,
        }
        return remote_generator(command(opened, arguments), uri)


def opened(arguments: Mapping[str, Any]) -> Bundle:
    """The generator in the bundle `folder`; called in a process of its own.

    Raises:
        UsageError: The device is none, or there are too many steps.
        InputError: The bundle lacks a part, or has one that is not read.
        MissingDependency: MONAI is not installed.
    """
    folder, names, device = Path(arguments["folder"]), arguments["names"], on_device(arguments["device"])
    parser = _parser(folder, names["config"])
    autoencoder, network = _part(parser, names["autoencoder"]), _part(parser, names["network"])
    if autoencoder is None and network is None:
        raise InputError(f"a bundle must have {names['autoencoder']} or {names['network']}, found neither; name yours")
    both = autoencoder is not None and network is not None
    files = []
    if autoencoder is not None:
        files.append(_weights(folder, "model_autoencoder" if both else "model", autoencoder, device))
    if network is not None:
        files.append(_weights(folder, "model", network, device))
    latent = arguments["latent"] or _part(parser, "latent_shape")
    if not isinstance(latent, list) or len(latent) != 3:
        raise InputError(f"latent_shape must be [channels, height, width] of an image, got {latent}; give latent=CxHxW")
    scale = arguments["scale"] or _part(parser, "scale_factor")
    if both and not isinstance(scale, int | float):
        raise InputError("a latent diffusion needs the factor of its latents, found no scale_factor; give scale=NUMBER")
    schedule, steps = None, 0
    if network is not None:
        schedule = _schedule(parser, names["scheduler"])
        steps = _steps(schedule, arguments["steps"])
    parts = Parts(autoencoder, network, schedule, steps, float(scale or 1), tuple(latent), device)
    extent = (float(arguments["range"][0]), float(arguments["range"][1]))
    return _of_parts(parts, extent, digest_of(files))


def _of_parts(parts: Parts, extent: tuple[float, float], digest: str) -> Bundle:
    trial = decoded(parts, np.zeros((1, *parts.latent), dtype=np.float32))
    if trial.ndim != 4 or trial.shape[1] not in {1, 3}:
        raise InputError(f"a bundle must make images of 1 or 3 channels, got {trial.shape[1:]}")
    spec = GeneratorSpec("monai", trial.shape[2:], extent, checkpoint_digest=digest)
    kind: type[Bundle] = LatentBundle
    if parts.network is None:
        kind = AutoencoderBundle
    elif parts.autoencoder is None:
        kind = PixelBundle if trial.shape[1] == 1 else Bundle  # what is gray here cannot be scored in color
    return kind(parts, spec, trial.shape[1])


def _parser(folder: Path, name: str) -> Any:
    """The bundle's configuration, read where its expressions expect to be: in the bundle."""
    try:
        from monai.bundle.config_parser import ConfigParser
    except ImportError as error:
        raise MissingDependency("monai: needs MONAI; install synthaudit[monai]") from error
    files = [
        file for suffix in (".json", ".yaml", ".yml") if (file := folder / "configs" / f"{name}{suffix}").is_file()
    ]
    if not files:
        raise InputError(f"a bundle must have configs/{name}.json or .yaml, found neither; name yours by config=")
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    parser = ConfigParser()
    parser.read_config(str(files[0]))
    if (meta := folder / "configs" / "metadata.json").is_file():
        parser.read_meta(str(meta))
    parser["bundle_root"] = str(folder)
    return parser


def _part(parser: Any, name: str) -> Any:
    """What the configuration says under that name, made; None if it says nothing."""
    return parser.get_parsed_content(name) if parser.get(name) is not None else None


def _weights(folder: Path, name: str, network: Any, device: str) -> Path:
    """The file of the weights, once they are in the network."""
    import torch
    from safetensors.torch import load_file

    for suffix in (".safetensors", ".pt"):
        file = folder / "models" / f"{name}{suffix}"
        if not file.is_file():
            continue
        try:
            held = load_file(file) if suffix == ".safetensors" else torch.load(file, "cpu", weights_only=True)
            network.load_state_dict(held)
        except Exception as error:  # a file that is no such thing raises whatever its bytes lead to
            what = str(error).splitlines()[0][:200] if str(error) else ""
            raise InputError(f"models/{file.name} must hold the weights of that network, got {what}") from error
        network.to(device).eval().requires_grad_(False)
        return file
    raise InputError(f"a bundle must have models/{name}.safetensors or .pt, found neither")


def _schedule(parser: Any, name: str) -> Any:
    schedule = _part(parser, name)
    if schedule is None:
        raise InputError(f"a diffusion must have {name}, found none; name yours by scheduler=")
    if type(schedule).__name__ not in SCHEDULES:
        raise InputError(f"{name} must be {' or '.join(SCHEDULES)}, got {type(schedule).__name__}; use py: for others")
    return schedule


def _steps(schedule: Any, asked: int) -> int:
    most = int(schedule.num_train_timesteps)
    if asked > most:
        raise UsageError(f"option steps of monai: must be at most {most}, got {asked}")
    return asked or min(SCHEDULES[type(schedule).__name__], most)
