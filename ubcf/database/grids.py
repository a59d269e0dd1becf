"""Tables for people: aligned columns, as text that fits a terminal, or as Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ubcf.errors import printable

if TYPE_CHECKING:
    from ubcf.database.formats import Column, Text, Writable

# A cell that is cut ends in this.
ELLIPSIS = "…"

# Columns are not made narrower than this, and only texts and nested values are cut, no numbers or
# timestamps: columns on the right are left out instead.
LEAST_WIDTH = 10

BETWEEN = "  "

# Columns that are named among those that are left out.
NAMED = 8


@dataclass(frozen=True)
class Hidden:
    """What of tables is not shown, to fit a width: names of columns, and how many cells are cut."""

    columns: tuple[str, ...] = ()
    cells: int = 0

    def __add__(self, other: Hidden) -> Hidden:
        return Hidden(tuple(dict.fromkeys(self.columns + other.columns)), self.cells + other.cells)

    def __str__(self) -> str:
        """In words: '3 cells are cut and 1 column is left out (genre)'; empty if nothing is."""
        said = []
        if self.cells:
            said.append(f"{self.cells:,} cell{' is' if self.cells == 1 else 's are'} cut")
        if self.columns:
            number = len(self.columns)
            names = [*map(printable, self.columns[:NAMED]), *(["..."] if number > NAMED else [])]
            left_out = f"column{' is' if number == 1 else 's are'} left out"
            said.append(f"{number} {left_out} ({', '.join(names)})")
        return " and ".join(said)


def write_grid(
    columns: Sequence[Column],
    rows: list[Sequence[Text]],
    form: str,
    out: Writable,
    width: int | None = None,
) -> Hidden:
    """Writes aligned columns, numbers to the right, as text or as a Markdown table.

    width: the columns of the terminal that the text must fit into: cells are cut, and columns on
    the right left out. None: nothing is. Returns what is not shown.
    """
    escape: Callable[[str], str] = _markdown if form == "markdown" else str
    cells = [[escape(printable(column.name)) for column in columns]] + [
        [escape(column.as_read(text)) for column, text in zip(columns, row, strict=True)]
        for row in rows
    ]
    widths = [max(3, *(_width(row[at]) for row in cells)) for at in range(len(columns))]
    right = [column.whole or column.fraction for column in columns]
    hidden = Hidden()
    if width is not None:
        least = [
            max(
                min(natural, LEAST_WIDTH),
                *(0 if column.is_text or column.nested else _width(row[at]) for row in cells[1:]),
                0,
            )
            for at, (column, natural) in enumerate(zip(columns, widths, strict=True))
        ]
        fitting = fitting_widths(widths, least, width)
        cells, cut = _cut_cells(cells, fitting)
        hidden = Hidden(tuple(column.name for column in columns[len(fitting) :]), cut)
        widths, right = fitting, right[: len(fitting)]
    rule = [
        "-" * (width - 1) + ":" if form == "markdown" and numeric else "-" * width
        for width, numeric in zip(widths, right, strict=True)
    ]
    if any(column.name for column in columns) or form == "markdown":
        cells.insert(1, rule)
    else:
        del cells[0]
    for row in cells:
        padded = [
            " " * (width - _width(cell)) + cell if numeric else cell + " " * (width - _width(cell))
            for cell, width, numeric in zip(row, widths, right, strict=True)
        ]
        line = f"| {' | '.join(padded)} |" if form == "markdown" else BETWEEN.join(padded).rstrip()
        out.write(f"{line}\n")
    return hidden


def fitting_widths(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """The widths of the columns of a table in a terminal, without those that are left out.

    natural: the widths that show everything; least: those below which no column goes. Columns are
    left out from the right, but never the first one, until the least widths fit; then the widest
    ones are made narrower, all to the same width.
    """

    def total(widths: Sequence[int]) -> int:
        return sum(widths) + len(BETWEEN) * (len(widths) - 1)

    shown = len(natural)
    while shown > 1 and total(least[:shown]) > width:
        shown -= 1
    pairs = list(zip(natural[:shown], least[:shown], strict=True))
    widths = [max(low, min(high, width)) for high, low in pairs]
    limit = max(widths)
    while total(widths) > width and limit > min(least[:shown]):
        limit -= 1
        widths = [max(low, min(high, limit)) for high, low in pairs]
    # What is left over when all cut columns have the same width: one more for the first of them.
    for at, (high, _) in enumerate(pairs):
        if widths[at] == limit < high and total(widths) < width:
            widths[at] += 1
    return widths


def _cut_cells(cells: list[list[str]], widths: Sequence[int]) -> tuple[list[list[str]], int]:
    """The cells of the columns that are shown, cut to their widths, and how many are cut."""
    shown = [[_cut(cell, width) for cell, width in zip(row, widths, strict=False)] for row in cells]
    cut = sum(
        cell is not whole
        for row, of_row in zip(shown, cells, strict=True)
        for cell, whole in zip(row, of_row, strict=False)
    )
    return shown, cut


def _cut(text: str, width: int) -> str:
    """A text that takes at most `width` columns: the text itself, or its beginning and '…'."""
    if _width(text) <= width:
        return text
    taken = 0
    for at, character in enumerate(text):
        taken += _width(character)
        if taken > width - 1:
            return text[:at] + ELLIPSIS
    return text


def _markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _width(text: str) -> int:
    """Columns that a text takes on a terminal: 2 a wide character, 0 a combining one."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )
