"""Ids of any text in the addresses of pages.

A letter, a digit, `-` and `_` stand for themselves; each other byte of an id in UTF-8 is a tilde
and two hexadecimal digits: `a/b.json` is `a~2Fb~2Ejson`. Browsers and proxies change addresses with
encoded slashes, dots and percent signs, but not these. So an address that ends in `.json` is always
the twin of a page, whatever the id. The empty id is a single tilde.
Source: the tilde encoding of Datasette, https://docs.datasette.io/en/stable/internals.html
"""

from __future__ import annotations

import re
from typing import Any

from ubcf.errors import NotFoundError

EMPTY = "~"

_OTHER = re.compile(rb"[^A-Za-z0-9_-]")
_ENCODED = re.compile(rb"~([0-9A-Fa-f]{2})")


def encode_id(value: Any) -> str:
    """The text of an id as one part of an address."""
    encoded = _OTHER.sub(lambda byte: b"~%02X" % byte[0][0], str(value).encode())
    return encoded.decode("ascii") or EMPTY


def decode_id(part: str) -> str:
    """The text of the id that a part of an address stands for.

    Raises NotFoundError if it stands for none.
    """
    if part == EMPTY:
        return ""
    decoded = _ENCODED.sub(lambda found: bytes([int(found[1], 16)]), part.encode())
    try:
        return decoded.decode()
    except UnicodeDecodeError as error:
        raise NotFoundError(f"{part!r} stands for no id: it is not UTF-8") from error
