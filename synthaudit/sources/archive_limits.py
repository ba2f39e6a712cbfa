"""What an archive may hold before it is taken for an attack: names, kinds of members, numbers and sizes.

Members are read where they lie and never written to a disk under their own names, so a path that leads outside does no
harm here. It is refused all the same: whoever made such an archive meant harm, or used a broken program, and neither is
a basis for an audit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from synthaudit.errors import InputError
from synthaudit.readers.folder import normal_name

GIB = 2**30


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """The largest archive that is read.

    Attributes:
        members: Files and folders in it.
        member_bytes: Of one packed member, which is unpacked in memory.
        total_bytes: Of all members, unpacked.
        spool_bytes: Of a compressed tar, which is unpacked once to a nameless temporary file.
        ratio: Unpacked over packed, of the whole archive; Deflate reaches 1032 on nothing but zeros, images stay far
            below.
        free_of_ratio_bytes: Up to here, any ratio: it fits in memory.
        free_disk_bytes: What a spool must leave free.
    """

    members: int = 2_000_000
    member_bytes: int = 2 * GIB
    total_bytes: int = 8192 * GIB
    spool_bytes: int = 128 * GIB
    ratio: float = 200.0
    free_of_ratio_bytes: int = GIB
    free_disk_bytes: int = GIB

    def check_members(self, count: int) -> None:
        """Refuse too many members.

        Raises:
            InputError: There are.
        """
        if count > self.members:
            raise InputError(
                f"an archive may hold at most {self.members:,} files, found more; divide it into several archives"
            )

    def check_total(self, unpacked: int, packed: int) -> None:
        """Refuse an archive that unpacks to far more than it is.

        Raises:
            InputError: It does.
        """
        if unpacked > self.total_bytes:
            raise InputError(
                f"an archive may hold at most {self.total_bytes // GIB:,} GiB, found more; divide it into several"
            )
        if unpacked > self.free_of_ratio_bytes and unpacked > self.ratio * max(packed, 1):
            raise InputError(
                f"an archive may unpack to at most {self.ratio:.0f} times its size, found one that unpacks to more: "
                f"that is how a decompression bomb looks. If it is yours, unpack it and give the folder"
            )


LIMITS = ArchiveLimits()

_DRIVE = re.compile(r"[A-Za-z]:")


def member_name(text: str) -> str:
    """The name of a member as it is compared.

    Raises:
        InputError: It leads outside the archive, is empty, or holds a NUL.
    """
    name = normal_name(text)
    if not name.strip("/") or "\0" in text or name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        raise InputError(
            "the members of an archive must lie inside it, found a path that leads outside (absolute, or with '..'); "
            "this archive is unsafe to unpack anywhere: have it packed again"
        )
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def refuse_links(count: int) -> None:
    """Refuse an archive with links or devices in it.

    Raises:
        InputError: `count` is above 0.
    """
    if count:
        raise InputError(
            f"an archive must hold plain files, found {count} link(s), device(s) or the like; a link's image would be "
            f"missing, so pack the files themselves (tar --dereference --hard-dereference, zip without -y)"
        )


def refuse_repeats(names: Iterable[str]) -> None:
    """Refuse two members of one name: one of them would be hidden.

    Raises:
        InputError: There are.
    """
    listed = list(names)
    repeated = len(listed) - len(set(listed))
    if repeated:
        raise InputError(
            f"the members of an archive must differ in name, found {repeated} name(s) repeated; which of them counts "
            f"depends on the program, so pack it again"
        )


def cut_off(kind: str) -> InputError:
    """The error for an archive that ends too early or is damaged."""
    return InputError(f"the {kind} archive cannot be read: it is damaged or cut off; copy it again from where it came")
