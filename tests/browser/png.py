"""A picture as pixels: enough of PNG for what a browser's screenshots are (8 bits, no interlace)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """Rows of pixels, `depth` bytes each."""

    width: int
    height: int
    depth: int
    rows: tuple[bytes, ...]

    def at(self, x: int, y: int) -> tuple[int, int, int]:
        """Return the colour of a pixel."""
        red, green, blue = self.rows[y][x * self.depth : x * self.depth + 3]
        return red, green, blue

    def colours(self, x: int, y: int, width: int, height: int) -> set[tuple[int, int, int]]:
        """Return every colour in a part of the picture."""
        return {
            self.at(column, row)
            for row in range(max(0, y), min(y + height, self.height))
            for column in range(max(0, x), min(x + width, self.width))
        }


def read(data: bytes) -> Picture:
    """Return the picture in a PNG file."""
    assert data.startswith(SIGNATURE)
    at, packed, width, height, depth = len(SIGNATURE), b"", 0, 0, 0
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert (bits, interlaced) == (8, 0) and colour in (2, 6)
            depth = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    return Picture(width, height, depth, tuple(_unfiltered(zlib.decompress(packed), width * depth, height, depth)))


def _unfiltered(raw: bytes, stride: int, height: int, depth: int) -> list[bytes]:
    rows: list[bytes] = []
    before = bytes(stride)
    for number in range(height):
        start = number * (stride + 1)
        rule, line = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        for x in range(stride):
            left = line[x - depth] if x >= depth else 0
            up = before[x]
            if rule == 1:
                line[x] = (line[x] + left) & 255
            elif rule == 2:
                line[x] = (line[x] + up) & 255
            elif rule == 3:
                line[x] = (line[x] + (left + up) // 2) & 255
            elif rule == 4:
                corner = before[x - depth] if x >= depth else 0
                line[x] = (line[x] + _nearest(left, up, corner)) & 255
        before = bytes(line)
        rows.append(before)
    return rows


def _nearest(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
