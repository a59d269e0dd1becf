"""The elements of a JSON array in a file, each found by its quotes and brackets, not parsed.

What an element holds keeps its exact text, and is judged later, like a line of JSON. An element
that is damaged within is one element all the same, as long as its end can be told.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from ubcf.building.inputs.lines import KEPT_CHARACTERS, NOT_JSON
from ubcf.building.inputs.logs import READ_SIZE
from ubcf.building.inputs.record_lines import RecordLines
from ubcf.errors import InputError

DAMAGED = "not JSON: the array is damaged here"
CUT_SHORT = "not JSON: the file ends in the middle of the array"
MORE_TEXT = "not JSON: text after the end of the array"

# How far the end of an element is looked for.
LONGEST_ELEMENT = 16_000_000

# Up to the next character that opens or closes something, or, outside of all, ends an element. A
# quote stops it if its text has no end.
TEXT = rb'"(?:[^"\\]++|\\.)*+"'
OUTSIDE = re.compile(rb'(?:[^"\[\]{},]++|' + TEXT + rb")*+", re.DOTALL)
INSIDE = re.compile(rb'(?:[^"\[\]{}]++|' + TEXT + rb")*+", re.DOTALL)

BLANK = b" \t\r\n"

# Line ends between values are white space; within a text they are not allowed.
BREAKS_BETWEEN_VALUES = re.compile(rb'(?:[^"]++|"(?:[^"\\\r\n]++|\\[^\r\n])*+")*+')
BREAKS = bytes.maketrans(b"\r\n", b"  ")

OPENED_BY = {ord("]"): ord("["), ord("}"): ord("{")}


def write_array(file: BinaryIO, left: int | None, target: RecordLines) -> None:
    """Writes each element of the array in a file as a record.

    left: how many bytes to read; None means all. What cannot be told apart any more, and text after
    the array, is one rejected record with the first part of its text. Raises InputError if the file
    does not begin with a bracket.
    """
    array = _Array(file, left)
    if not array.begins():
        if array.buffer:
            raise InputError(f"{target.log.name}: not a JSON array: it does not begin with [")
        return
    for element in array.elements():
        if b"\n" not in element and b"\r" not in element:
            _add(target, element)
        elif BREAKS_BETWEEN_VALUES.fullmatch(element):
            _add(target, element.translate(BREAKS))
        else:
            target.reject(element, NOT_JSON)
    if array.rest is not None:
        target.reject(array.rest, array.problem, KEPT_CHARACTERS)
    array.drain()


def _add(target: RecordLines, element: bytes) -> None:
    """Adds an element as a record; between two commas there may be none."""
    if element:
        target.add(element)
    else:
        target.reject(element, NOT_JSON)


class _Array:
    """An array that is read in parts.

    buffer: what was read and is not done with. rest: after `elements`, the text that no element
    could be made of, and the problem with it; None: there is none.
    """

    def __init__(self, file: BinaryIO, left: int | None) -> None:
        self._file = file
        self._left = left
        self.buffer = b""
        self.rest: bytes | None = None
        self.problem = ""

    def begins(self) -> bool:
        """Reads up to the opening bracket, which has to come first; returns whether it does."""
        self._read()
        self.buffer = self.buffer.removeprefix(codecs.BOM_UTF8).lstrip(BLANK)
        while not self.buffer and self._read():
            self.buffer = self.buffer.lstrip(BLANK)
        if not self.buffer.startswith(b"["):
            return False
        self.buffer = self.buffer[1:]
        return True

    def elements(self) -> Iterator[bytes]:
        """The text of each element, without white space around it."""
        start = position = found = 0
        opened = bytearray()
        while True:
            position = (INSIDE if opened else OUTSIDE).match(self.buffer, position).end()  # type: ignore[union-attr]
            character = self.buffer[position] if position < len(self.buffer) else None
            if character is None or character == ord('"'):
                self.buffer = self.buffer[start:]
                position -= start
                start = 0
                if len(self.buffer) > LONGEST_ELEMENT:
                    self._stop(self.buffer, DAMAGED)
                    return
                if not self._read():
                    yield from self._unfinished(complete=character is None and not opened)
                    return
                continue
            position += 1
            if character in b"[{":
                opened.append(character)
            elif character == ord(","):
                yield self.buffer[start : position - 1].strip(BLANK)
                start = position
                found += 1
            elif (outer := opened.rfind(OPENED_BY[character])) >= 0:
                # What was opened in between and not closed makes this element alone damaged.
                del opened[outer:]
            elif character == ord("]") and not opened:
                last = self.buffer[start : position - 1].strip(BLANK)
                if last or found:
                    yield last
                self._end(position)
                return
            else:
                self._stop(self.buffer[start:], DAMAGED)
                return

    def _unfinished(self, complete: bool) -> Iterator[bytes]:
        """The last element of a file without the end of the array, if the element is complete."""
        last = self.buffer.strip(BLANK)
        if complete and last:
            yield last
            last = b""
        self._stop(last, CUT_SHORT)

    def _end(self, position: int) -> None:
        """Looks at what follows the end of the array, at a position in the buffer."""
        self.buffer = self.buffer[position:].lstrip(BLANK)
        while not self.buffer and self._read():
            self.buffer = self.buffer.lstrip(BLANK)
        if self.buffer:
            self._stop(self.buffer, MORE_TEXT)

    def _stop(self, text: bytes, problem: str) -> None:
        """Keeps enough of a text to be shown, and why it is no element."""
        while len(text) < 4 * KEPT_CHARACTERS and (more := self._next(READ_SIZE)):
            text += more
        self.rest, self.problem = text.strip(BLANK), problem

    def drain(self) -> None:
        """Reads the rest of the file: a compressed file that is cut short is an error."""
        while self._next(READ_SIZE):
            pass

    def _read(self) -> bool:
        """Adds to the buffer, as much as it has, so that long elements are not searched often."""
        more = self._next(max(READ_SIZE, len(self.buffer)))
        self.buffer += more
        return bool(more)

    def _next(self, most: int) -> bytes:
        part = self._file.read(most if self._left is None else min(most, self._left))
        if self._left is not None:
            self._left -= len(part)
        return part
