"""Which encoders can be used on this machine, and what do the others lack?"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from synthaudit.encoders import store
from synthaudit.encoders.about import About
from synthaudit.encoders.manifest import read_manifest
from synthaudit.errors import EncoderError


@dataclass(frozen=True, slots=True)
class State:
    """Of one encoder.

    Attributes:
        state: "ready", "needs weights", "needs a file", "extra not installed" or "damaged".
        says: The same in words, with what to do.
        check: How the weights were checked; empty if there are none.
        sha256: SHA-256 (hex) of the weights, as they were added; empty if there are none.
    """

    state: str
    says: str
    check: str = ""
    sha256: str = ""


def state_of(name: str, about: About | None) -> State:
    """The state of the encoder `name`; None as `about` stands for one that needs no weights.

    The manifest is believed here; `encoders verify` and loading the encoder hash the files.
    """
    if about is None:
        return State("ready", "ready")
    if about.needs is not None and find_spec(about.needs[0]) is None:
        return State("extra not installed", f"needs an extra: pip install 'synthaudit[{about.needs[1]}]'")
    if about.takes_any and ":" not in name:
        form = f"{name}:ARCHITECTURE@FILE" if about.suffixes == (".safetensors",) else f"{name}:FILE"
        return State("needs a file", f"give a file ({form}), or add one under a name; get {about.weights}")
    return _state_of_weights(name, about)


def _state_of_weights(name: str, about: About) -> State:
    if store.folder_of(name).is_dir():
        try:
            told = read_manifest(store.folder_of(name))
        except EncoderError as error:
            return State("damaged", str(error))
        digest = told.weights_sha256
        return State("ready", f"ready; weights {told.check}, SHA-256 {digest}", told.check, digest)
    if about.hub is not None and _in_hub_cache(*about.hub):
        return State("ready", "ready, from the hub's cache; weights unverified until they are added", "unverified")
    return State(
        "needs weights", f"needs weights: get {about.weights}; then run synthaudit encoders add {name} --from FILE"
    )


def _in_hub_cache(repository: str, file: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repository, file), str)
