"""What the host tells a keeper: everything about one job, as bytes that cost nothing to read.

Written by the host into a file in memory, so that no secret shows in a command line or on disk.
"""

from __future__ import annotations

import marshal


class Order:
    """One job, ready for the kernel: bytes and numbers only. `limits` are pairs for setrlimit."""

    __slots__ = (
        "argv", "cwd", "env", "folder", "grace_s", "is_namespace", "limits", "log_bytes_max", "masks", "stdin",
        "timeout_s", "tree_file",
    )  # fmt: skip

    def __init__(
        self,
        *,
        argv: list[bytes],
        cwd: bytes,
        env: dict[bytes, bytes],
        folder: bytes,
        grace_s: float,
        is_namespace: bool,
        limits: list[tuple[int, int]],
        log_bytes_max: int,
        masks: list[bytes],
        stdin: bytes,
        timeout_s: float,
        tree_file: bytes,
    ) -> None:
        self.argv = argv
        self.cwd = cwd
        self.env = env
        self.folder = folder
        self.grace_s = grace_s
        self.is_namespace = is_namespace
        self.limits = limits
        self.log_bytes_max = log_bytes_max
        self.masks = masks
        self.stdin = stdin
        self.timeout_s = timeout_s
        self.tree_file = tree_file

    def to_bytes(self) -> bytes:
        """Return the order for another process of the same Python."""
        return marshal.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_bytes(cls, text: bytes) -> Order:
        """Return the order the host wrote."""
        return cls(**marshal.loads(text))
