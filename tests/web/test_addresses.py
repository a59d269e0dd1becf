"""An id of any text is one part of an address, which nothing on the way changes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubcf.errors import NotFoundError
from ubcf.web.addresses import decode_id, encode_id

EXAMPLES: dict[object, str] = {
    7: "7",
    "Anna-1_b": "Anna-1_b",
    "a/b.json": "a~2Fb~2Ejson",
    "..": "~2E~2E",
    "100%": "100~25",
    "~": "~7E",
    "é": "~C3~A9",
    "": "~",
}


@pytest.mark.parametrize("value", EXAMPLES)
def test_what_is_no_letter_or_digit_is_a_tilde_and_its_bytes(value: object) -> None:
    assert encode_id(value) == EXAMPLES[value]
    assert decode_id(EXAMPLES[value]) == str(value)


@given(st.text(st.characters(codec="utf-8")))
def test_every_text_comes_back(text: str) -> None:
    encoded = encode_id(text)
    assert re.fullmatch(r"[A-Za-z0-9_~-]+", encoded)
    assert decode_id(encoded) == text


def test_bytes_that_are_no_text_stand_for_no_id() -> None:
    with pytest.raises(NotFoundError):
        decode_id("~FF")
