"""File names and folders that look like a person: a date, a name, a record number.

Whether a name holds a *training patient's* id is asked elsewhere, by comparison; here only by its look.
"""

from __future__ import annotations

import re
from itertools import pairwise

from synthaudit.headers.patterns import looks_like

_WORD = re.compile(r"[A-Z][a-z]{2,}")
_NOT_NAMES = frozenset(
    " ".join(
        (
            ".join( ( pelvis spine knee hand foot breast lung lungs heart skin lesion lesions eye eyes fundus retina",
            "left right axial sagittal coronal frontal lateral anterior posterior synthetic synth fake generated",
            "generator sample samples train training test valid validation holdout real data dataset output outputs",
            "result results batch epoch step seed fold normal abnormal disease pneumonia covid edema effusion nodule",
            "mass tumor tumour cancer benign malignant positive negative class label male female young adult model",
            "diffusion latent stylegan progan dcgan gan vae unet flair contrast weighted dense mask xray ray mammo",
            "mammogram dermoscopy histology patch tile channel color gray grey rgb dicom png jpeg tiff nifti export",
            "final version simulated phantom visit patient subject case control cases controls group site hospital",
            "center part copy new old raw clean processed resized cropped august april june may",
        )
    ).split(" ")
)


def name_objection(name: str) -> str:
    """Why a file name with its folders may not stay; "" if it says nothing of anybody.

    >>> name_objection("out/Smith_John.png"), name_objection("Chest_Sample_0042.png")
    ("it looks like a person's name", '')
    """
    spread = re.sub(r"[_/\\]+", " ", name)
    what = looks_like(name) or looks_like(spread)
    if what and what != "a place on a server":
        return f"it looks like {what}"
    return "it looks like a person's name" if _looks_like_a_name(name) else ""


def _looks_like_a_name(name: str) -> bool:
    """Two capitalized words beside each other that describe no image: "Smith_John", "Smith, John"."""
    for part in re.split(r"[/\\]", name):
        words = [word for word in re.split(r"[^A-Za-z]+", part.rpartition(".")[0] or part) if word]
        for pair in pairwise(words):
            if all(_WORD.fullmatch(word) and word.casefold() not in _NOT_NAMES for word in pair):
                return True
    return False
