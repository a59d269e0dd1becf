"""Compressed logs: gzip and Zstandard in all their forms."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable

import pytest

LINES = b"".join(b'{"user": 1, "track": %d, "time": 0.5}\n' % number for number in range(5_000))

SKIPPABLE_FRAME = (0x184D2A53).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"12345"


def stored_zstandard(data: bytes, block_size: int = 100_000) -> bytes:
    """A Zstandard frame of uncompressed blocks (RFC 8878, section 3.1)."""
    window = bytes([0b0001_0000 + 0b0110_1000])  # enough for blocks of 128 KiB
    blocks = [data[at : at + block_size] for at in range(0, len(data), block_size)] or [b""]
    frame = b"\x28\xb5\x2f\xfd" + b"\x00" + window
    for number, block in enumerate(blocks, start=1):
        frame += (len(block) << 3 | (number == len(blocks))).to_bytes(3, "little") + block
    return frame


def zstandard(data: bytes, *options: str) -> bytes:
    """Data compressed by the program zstd; without it, in uncompressed blocks."""
    if shutil.which("zstd") is None:
        if options:
            pytest.skip("needs the program zstd")
        return stored_zstandard(data)
    return subprocess.run(
        ["zstd", "--quiet", "--stdout", *options], input=data, capture_output=True, check=True
    ).stdout


COMPRESSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gzip": ("gz", lambda: gzip.compress(LINES)),
    "gzip of nothing": ("gz", lambda: gzip.compress(b"")),
    "gzip in several parts": ("gz", lambda: gzip.compress(LINES) + gzip.compress(LINES)),
    "gzip, padded with zeros": ("gz", lambda: gzip.compress(LINES) + bytes(512)),
    "Zstandard": ("zst", lambda: zstandard(LINES)),
    "Zstandard of nothing": ("zst", lambda: zstandard(b"")),
    "Zstandard, stored blocks": ("zst", lambda: stored_zstandard(LINES)),
    "Zstandard with checksum": ("zst", lambda: zstandard(LINES, "--check")),
    "Zstandard without checksum": ("zst", lambda: zstandard(LINES, "--no-check")),
    "Zstandard, hard": ("zst", lambda: zstandard(LINES, "-19")),
    "Zstandard of one letter": ("zst", lambda: zstandard(b" " * 1_000_000)),
    "Zstandard, known size": ("zst", lambda: zstandard(LINES, f"--stream-size={len(LINES)}")),
    "Zstandard in several frames": ("zst", lambda: zstandard(LINES) + stored_zstandard(LINES)),
    "Zstandard with a frame to skip": (
        "zst",
        lambda: SKIPPABLE_FRAME + zstandard(LINES) + SKIPPABLE_FRAME,
    ),
}
