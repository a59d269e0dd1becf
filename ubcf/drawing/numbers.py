"""The charts of the report: inline SVG by matplotlib, and what each shows in words.

Colors are CSS variables of the page, so that one drawing is right on light and on dark paper;
texts stay texts, in the page's font.
"""

from __future__ import annotations

import math

# Never parted from its number.
PERCENT_SIGN = "\N{NO-BREAK SPACE}%"


# Numbers in words


def percent(share: float) -> str:
    """A share, such as 0.123, in percent with sensible digits: 12 %."""
    value = 100 * share
    if value == 0 or value >= 99.95:
        text = f"{value:.0f}"
    elif value < 0.1:
        text = digits(value)
    else:
        text = f"{value:.1f}" if value < 10 or value > 99 else f"{value:.0f}"
        text = text.removesuffix(".0")
    return f"{text}{PERCENT_SIGN}"


def signed(value: float, decimals: int) -> str:
    """A number with its sign, a true minus; without one where all its digits are 0."""
    text = f"{value:+,.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    return text if any(digit in text for digit in "123456789") else text[1:]


def digits(value: float) -> str:
    """A number with three significant digits, or as a whole number with thousands separators."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) < 1e-4:
        return f"{value:.1e}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"
