"""What all pages share: the stylesheet, charts as inline SVG, and number formats.

    style.css   colors, tables and charts, for light and dark screens, phones and paper
    figures     charts by matplotlib, whose colors are the variables of style.css
    numbers     numbers as text

Nothing here knows a database.
"""

from __future__ import annotations

from pathlib import Path

# The stylesheet of every page.
STYLESHEET = Path(__file__).with_name("style.css")
