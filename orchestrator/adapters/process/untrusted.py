"""Reading what a job left behind, as if its author meant harm: every name may be a link, a pipe, huge or gone.

Called for everything under a folder that a job could write. Nothing here follows a link, waits, or reads more than it
was allowed to; what is wrong with a file is a value.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file was not read. `is_absent` means that nobody left one, which is no misdeed."""

    reason: str
    is_absent: bool = False


def read_file(folder: Path, name: str, bytes_max: int) -> bytes | Unreadable:
    """Return the content of a regular file directly inside `folder`, or why not; a larger file is not read at all."""
    return _read(folder, name, bytes_max, tail=False)


def read_tail(folder: Path, name: str, bytes_max: int) -> bytes | Unreadable:
    """Return at most the last `bytes_max` bytes of a regular file directly inside `folder`, or why not."""
    return _read(folder, name, bytes_max, tail=True)


def _read(folder: Path, name: str, bytes_max: int, *, tail: bool) -> bytes | Unreadable:
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            return Unreadable(f"{folder.name} was replaced by something that is not a folder")
        return Unreadable(f"{folder.name} cannot be opened: {error.strerror}")
    try:
        # O_NONBLOCK: opening a FIFO without a writer would wait for one.
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=inside)
    except FileNotFoundError:
        return Unreadable(f"{name} is not there", is_absent=True)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return Unreadable(f"{name} is a symbolic link")
        return Unreadable(f"{name} cannot be opened: {error.strerror}")
    finally:
        os.close(inside)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return Unreadable(f"{name} is not a regular file")
        if tail:
            os.lseek(fd, max(0, found.st_size - bytes_max), os.SEEK_SET)
        elif found.st_size > bytes_max:
            return Unreadable(f"{name} has {found.st_size} bytes; {bytes_max} are allowed")
        return _read_up_to(fd, bytes_max)
    except OSError as error:
        return Unreadable(f"{name} cannot be read: {error.strerror}")
    finally:
        os.close(fd)


def _read_up_to(fd: int, bytes_max: int) -> bytes:
    parts = []
    left = bytes_max
    while left > 0 and (part := os.read(fd, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
