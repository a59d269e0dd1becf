"""How results look in a notebook: as the lines that the command prints."""

from __future__ import annotations

from html import escape
from typing import Any


class Printed:
    """A result whose text, that of the command, is what IPython and Jupyter show."""

    def __init_subclass__(cls) -> None:
        # IPython asks the class itself, then prints by __repr__, or as the built-in type below it.
        cls._repr_pretty_ = Printed._repr_pretty_  # type: ignore[method-assign]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The text for IPython in a terminal."""
        printer.text(repr(self) if cycle else str(self))

    def _repr_html_(self) -> str:
        """The text for a notebook."""
        return f"<pre>{escape(str(self))}</pre>"
