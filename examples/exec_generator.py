"""A program that `synthaudit audit --generator "exec:python examples/exec_generator.py" --trust-code` can ask.

    synthaudit generate sample "exec:python examples/exec_generator.py" --n 8 --out OUT --trust-code

It needs NumPy only, and the same can be written in any language: read a line of JSON, answer by a line of JSON, keep
arrays in .npy files. Its images are a disc with noise; put your own generator in the place of `sample`, and take
`score` away (also from CAPABILITIES) if yours has none. synthaudit/generators/adapters/command.py describes every
request.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32
CAPABILITIES = ["sample", "score"]


def disc() -> NDArray[np.float64]:
    """The (SIDE, SIDE) image that every sample is made from, in [0, 1]."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    return np.where(x**2 + y**2 < 0.5, 0.75, 0.25)


def sample(n: int, seed: int) -> NDArray[np.float64]:
    """(n, SIDE, SIDE) images; image i depends on `seed` and i only, which "seeding": "item" promises."""
    noise = [np.random.default_rng([seed, i]).normal(0, 0.05, (SIDE, SIDE)) for i in range(n)]
    return np.clip(disc() + np.array(noise).reshape(n, SIDE, SIDE), 0, 1)


def score(x: NDArray[np.float64], levels: int) -> NDArray[np.float64]:
    """(n, levels) how badly each image fits, lower = better; one number says it all here, so the levels are equal."""
    error = ((x - disc()) ** 2).mean(axis=(1, 2))
    return np.repeat(error[:, None], levels, axis=1)


def answer(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The answer to one request, without its id."""
    if request["ask"] == "spec":
        return {"protocol": "synthaudit-exec/1", "shape": [SIDE, SIDE], "value_range": [0, 1], "seeding": "item"}
    if request["ask"] == "capabilities":
        return {"capabilities": CAPABILITIES}
    if request["ask"] == "sample":
        made = sample(request["n"], request["seed"])
    elif request["ask"] == "score":
        made = score(np.load(folder / request["array"]), request["levels"])
    else:
        return {"error": f"cannot {request['ask']}"}
    np.save(folder / "answer.npy", made.astype(np.float32))
    return {"array": "answer.npy"}


def main() -> None:
    """Answer until standard input ends. Standard output is for answers only; tell people on standard error."""
    folder = Path()
    for line in sys.stdin:
        request = json.loads(line)
        folder = Path(request.get("folder", folder))
        print(json.dumps({"id": request["id"], **answer(request, folder)}), flush=True)


if __name__ == "__main__":
    main()
