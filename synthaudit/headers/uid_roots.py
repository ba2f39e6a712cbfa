"""Whose unique ids are these? The first numbers of an id name the organization that gave it.

An id under the root of a maker of scanners comes from a scanner: such an id often holds its serial number and the time.
"""

from __future__ import annotations

import re

STANDARD = "1.2.840.10008."
"""Ids of DICOM itself: classes, syntaxes; they name nothing of anybody's."""
OF_RANDOM_NUMBERS = "2.25."
TOOLKITS = (
    "1.2.826.0.1.3680043.8.498.",  # pydicom
    "1.2.826.0.1.3680043.10.511.3.",  # highdicom
    "1.2.826.0.1.3680043.9.7433.",  # MONAI Deploy
    "1.2.826.0.1.3680043.2.1125.",  # ITK
    "1.2.826.0.1.3680043.2.1143.",  # GDCM
    "1.2.826.0.1.3680043.9.3811.",  # pynetdicom
    "1.2.276.0.7230010.3.",  # DCMTK
    "1.2.40.0.13.1.",  # dcm4che
    "1.3.6.1.4.1.30071.",  # fo-dicom
    "1.3.6.1.4.1.22213.",  # RSNA
)
"""Roots that programs give to everybody."""
SCANNERS = (
    "1.3.12.2.1107.",  # Siemens
    "1.2.840.113619.",  # GE
    "1.2.840.113704.",  # Philips CT
    "1.3.46.670589.",  # Philips
    "1.2.392.200036.",  # Canon, Fujifilm, Konica, Hitachi
    "1.2.410.200010.",  # Samsung
    "1.2.156.112605.",  # United Imaging
    "1.2.840.113663.",  # ATL ultrasound
    "1.2.528.1.1001.",  # Philips (Sectra)
    "1.3.51.5145.",  # Agfa
    "1.2.840.113564.",  # Carestream
    "1.2.840.113681.",  # Hologic
)
_DEPTHS = (
    ("1.2.826.0.1.3680043.", 7),
    ("1.3.6.1.4.1.", 7),
    ("1.2.840.", 4),
    ("1.3.12.2.1107.", 5),
    ("1.3.46.", 4),
    ("1.2.276.0.", 5),
    ("1.2.392.", 4),
    ("1.2.40.0.", 5),
)
"""Registrar -> how many numbers name one organization below it."""
_UID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")


def is_instance(uid: str) -> bool:
    """Whether an id was made for one thing and not for a class of things."""
    return bool(_UID.fullmatch(uid)) and not uid.startswith(STANDARD) and uid.count(".") >= 2


def uid_root(uid: str) -> str:
    """The numbers that name the organization; "" for ids made of random numbers, by a common program, or malformed.

    >>> uid_root("1.2.840.113619.2.55.3.1"), uid_root("2.25.3"), uid_root("1.3.6.1.4.1.14519.5.2.1.7")
    ('1.2.840.113619', '', '1.3.6.1.4.1.14519')
    """
    if not is_instance(uid) or uid.startswith((OF_RANDOM_NUMBERS, *TOOLKITS)):
        return ""
    depth = next((depth for registrar, depth in _DEPTHS if uid.startswith(registrar)), 5)
    return ".".join(uid.split(".")[:depth])


def is_of_a_scanner(uid: str) -> bool:
    """Whether a maker of scanners gave the id."""
    return uid.startswith(SCANNERS)
