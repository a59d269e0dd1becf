"""Numbers as people read them: percentages, signed numbers, significant digits, sizes."""

from __future__ import annotations

import math

# The no-break space keeps the sign on the line of its number.
PERCENT_SIGN = "\N{NO-BREAK SPACE}%"


def percent(share: float) -> str:
    """A share in percent: 0.123 is '12 %'.

    Whole percents from 10 to 99, one decimal from 0.1 to 10 and above 99 (so that 99.6 % is not
    rounded to 100 %), three significant digits below 0.1.
    """
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
    """A number with its sign, where minus is a true minus; no sign if it rounds to 0."""
    text = f"{value:+,.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    return text if any(digit in text for digit in "123456789") else text[1:]


def digits(value: float) -> str:
    """A number with three significant digits; from 1,000 on a whole number.

    Below 0.0001 in scientific notation, with two significant digits.
    """
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) < 1e-4:
        return f"{value:.1e}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def p_value(p: float) -> str:
    """A p value with four decimals, or '< 0.0001'."""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def if_counted(number: float | None) -> str:
    """A whole number or a mean; None: the build did not compute it."""
    if number is None:
        return "not counted"
    return f"{number:,}" if isinstance(number, int) else digits(number)


def byte_size(count: int) -> str:
    """A number of bytes in the largest fitting unit, each a thousand of the one before."""
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{count} bytes" if unit == "bytes" else f"{digits(value)} {unit}"
