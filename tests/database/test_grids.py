"""Tables for people: they fit a width, and say what they do not show."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ubcf.database.formats import Column
from ubcf.database.grids import Hidden, fitting_widths, write_grid

ID = Column("user", "BIGINT")
TITLE = Column("title", "VARCHAR")
SCORE = Column("score", "DOUBLE")


def table(width: int | None, columns: list[Column], *rows: list[str | None]) -> tuple[str, str]:
    """A table, and what is said to be hidden."""
    out = io.StringIO()
    hidden = write_grid(columns, list(rows), "table", out, width)
    return out.getvalue(), str(hidden)


def test_a_table_that_fits_is_the_same_as_without_a_width() -> None:
    rows: list[list[str | None]] = [["7", "Crooked Windows", "0.5"], ["8", None, "-1.25"]]
    whole = table(None, [ID, TITLE, SCORE], *rows)
    assert table(28, [ID, TITLE, SCORE], *rows) == whole
    assert whole[0] == (
        "user  title            score\n"
        "----  ---------------  -----\n"
        "   7  Crooked Windows    0.5\n"
        "   8                   -1.25\n"
    )
    assert whole[1] == ""


def test_texts_are_cut_and_numbers_are_not() -> None:
    rows: list[list[str | None]] = [
        ["1234567890123456", "Crooked Windows", "0.5"],
        ["8", "Up", "1"],
    ]
    written, hidden = table(38, [ID, TITLE, SCORE], *rows)
    assert written == (
        "            user  title          score\n"
        "----------------  -------------  -----\n"
        "1234567890123456  Crooked Wind…    0.5\n"
        "               8  Up                 1\n"
    )
    assert hidden == "1 cell is cut"


def test_columns_that_do_not_fit_even_so_are_left_out_from_the_right_and_named() -> None:
    columns = [ID, TITLE, Column("artist", "VARCHAR"), SCORE]
    assert table(20, columns, ["7", "Crooked Windows", "Drosolle Workshop", "0.5"]) == (
        "user  title\n----  --------------\n   7  Crooked Windo…\n",
        "1 cell is cut and 2 columns are left out (artist, score)",
    )
    assert table(1, columns[:1], ["12345678901", *[]]) == (
        "       user\n-----------\n12345678901\n",
        "",
    )


def test_timestamps_are_not_cut() -> None:
    columns = [Column("timestamp", "TIMESTAMP"), TITLE]
    assert table(30, columns, ["2024-02-21 15:53:02.722", "Crooked Windows"]) == (
        "timestamp\n-----------------------\n2024-02-21 15:53:02.722\n",
        "1 column is left out (title)",
    )


def test_a_long_name_of_a_column_is_cut_rather_than_columns_left_out() -> None:
    assert table(16, [Column("common_tracks", "BIGINT"), ID], ["1", "7"]) == (
        "common_tr…  user\n----------  ----\n         1     7\n",
        "1 cell is cut",
    )


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("音楽音楽音楽音楽", "音楽音楽…"),  # 16 columns; nine of ten are taken
        ("a音楽音楽音楽音楽", "a音楽音楽…"),
        ("e\u0301" * 12, "e\u0301" * 9 + "…"),  # combining marks stay with their letters
        ("שיר ארוך מאוד", "שיר ארוך …"),  # cut where reading ends, whatever the direction
        ("abcdefghij", "abcdefghij"),
        ("abcdefghijk", "abcdefghi…"),
        ("\x1b[31mred red", "\\x1b[31mr…"),  # escaped before it is measured
    ],
)
def test_cells_are_cut_by_the_columns_that_they_take(text: str, cut: str) -> None:
    written, _ = table(10, [Column("t", "VARCHAR")], [text])
    assert written.splitlines()[2] == cut


def test_markdown_is_never_cut() -> None:
    out = io.StringIO()
    write_grid([TITLE], [["x" * 50]], "markdown", out, None)
    assert "x" * 50 in out.getvalue()


def test_the_widest_columns_are_cut_to_the_same_width_and_nothing_is_wasted() -> None:
    assert fitting_widths([4, 30, 20, 12], [4, 10, 10, 10], 46) == [4, 12, 12, 12]
    assert fitting_widths([4, 30, 20, 12], [4, 10, 10, 10], 47) == [4, 13, 12, 12]
    assert fitting_widths([4, 30, 20, 12], [4, 10, 10, 10], 40) == [4, 10, 10, 10]
    assert fitting_widths([4, 30, 20, 12], [4, 10, 10, 10], 39) == [4, 16, 15]
    assert fitting_widths([40], [10], 5) == [10]


@given(
    st.lists(st.tuples(st.integers(3, 60), st.integers(0, 60)), min_size=1, max_size=8),
    st.integers(1, 200),
)
def test_widths_fit_unless_one_column_alone_is_too_wide(
    columns: list[tuple[int, int]], width: int
) -> None:
    natural = [high for high, _ in columns]
    least = [min(low, high) for high, low in columns]
    found = fitting_widths(natural, least, width)
    assert len(found) == 1 or sum(found) + 2 * (len(found) - 1) <= width
    assert all(low <= each <= high for low, each, high in zip(least, found, natural, strict=False))
    if len(found) < len(natural):
        wider = least[: len(found) + 1]
        assert sum(wider) + 2 * (len(wider) - 1) > width
    elif sum(natural) + 2 * (len(natural) - 1) <= width:
        assert found == natural


def test_what_several_tables_hide_is_added() -> None:
    assert Hidden(("a", "b"), 1) + Hidden(("b", "c"), 2) == Hidden(("a", "b", "c"), 3)
    assert (
        str(Hidden(("a", "b\n"), 1_200))
        == "1,200 cells are cut and 2 columns are left out (a, b\\n)"
    )
    many = Hidden(tuple("abcdefghij"))
    assert str(many) == "10 columns are left out (a, b, c, d, e, f, g, h, ...)"
