"""Charts as inline SVG, drawn by matplotlib.

Colors are variables of style.css, so one drawing suits light and dark pages and paper. Text stays
text, in the font of the page. Values appear on hover: see `Value`. The same data gives the same
bytes.
"""

from __future__ import annotations

import io
import logging
import math
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ubcf.drawing.numbers import PERCENT_SIGN
from ubcf.errors import UbcfError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# The size of a chart in units that the page scales; on a phone, a unit is about a pixel.
WIDTH = 400
HEIGHT = 250
UNITS_PER_INCH = 72

# The least width of what shows a value on hover, in units of a chart.
NARROWEST = 1

# Placeholders that matplotlib draws with, and the CSS color that replaces each in the SVG.
INK, MUTED, LINE, FIRST, SECOND, PAPER = (f"#0{n}0{n}0{n}" for n in range(1, 7))
CSS_COLORS = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
    PAPER: "var(--paper)",
}

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ubcf",
    # A dollar sign in the name of an experiment does not begin a formula.
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": MUTED,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "figure.constrained_layout.h_pad": 3 / UNITS_PER_INCH,
    "figure.constrained_layout.w_pad": 3 / UNITS_PER_INCH,
}

# A histogram has one bar per number up to this greatest number, and BARS bars of growing width
# beyond it.
WIDEST_PLAIN_HISTOGRAM = 60
BARS = 30


_DRAWING = threading.Lock()


@dataclass(frozen=True)
class Value:
    """A text that a chart shows while the pointer is in a band between two values of an axis.

    The band is vertical, between two values of the x axis, or horizontal. It goes from one edge of
    the axes to the other, so that thin bars and points of lines are easy to hit.
    """

    low: float
    high: float
    text: str
    vertical: bool = True


def require_matplotlib() -> None:
    """Raises UbcfError when matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UbcfError(
            f"the report needs matplotlib ({error}); install it by: pip install 'ubcf[report]'"
        ) from error


# Figures


def draw_svg(name: str, draw: Callable[[Axes], Sequence[Value]], height: float = HEIGHT) -> str:
    """An SVG element, for an HTML page, of what `draw` draws on the axes of a new figure.

    name: the prefix of all ids in the element; it must differ between the charts of a page.
    draw: returns what appears on hover, each as the title of a rectangle. height: in the units of
    WIDTH.
    """
    file = io.StringIO()
    # The style is of the whole process: one thread draws at a time.
    with _DRAWING, _figure(height) as figure:
        axes = figure.subplots()
        values = draw(axes)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        bands = "".join(_band(axes, value, height) for value in values)
    svg = _inline(file.getvalue(), name).removesuffix("</svg>")
    return f'{svg}<g class="values">{bands}</g></svg>'


def _band(axes: Axes, value: Value, height: float) -> str:
    """The rectangle of a value, within the axes."""
    from matplotlib.transforms import Bbox

    # Axes that are cut at the edges of the data have no room for what is beyond.
    ends = axes.get_xlim() if value.vertical else axes.get_ylim()
    low, high = (min(max(edge, min(ends)), max(ends)) for edge in (value.low, value.high))
    corners = [(low, 0), (high, 1)] if value.vertical else [(0, low), (1, high)]
    transform = axes.get_xaxis_transform() if value.vertical else axes.get_yaxis_transform()
    # An axis may be inverted: the box has its edges in either order.
    box = Bbox(axes.figure.transFigure.inverted().transform(transform.transform(corners)))
    width = max(NARROWEST, WIDTH * abs(box.width))
    return (
        f'<rect x="{WIDTH * box.xmin:.1f}" y="{height * (1 - box.ymax):.1f}" '
        f'width="{width:.1f}" height="{height * abs(box.height):.1f}">'
        f"<title>{escape(value.text)}</title></rect>"
    )


@contextmanager
def _figure(height: float) -> Iterator[Figure]:
    # Messages about fonts and caches do not concern a user of ubcf.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib.style
    from matplotlib.figure import Figure

    # A style that the user has set for matplotlib has no effect.
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        # matplotlib measures text in a font that may lack letters which the page's font has.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph")
        size = (WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH)
        yield Figure(figsize=size, layout="constrained")


def _inline(svg: str, name: str) -> str:
    """The svg element of a file by matplotlib, reduced and adapted to a page."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # A style element would apply to the whole page.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    (view,) = re.findall(r'viewBox="[^"]*"', svg)
    svg = re.sub(r"<svg[^>]*>", f'<svg {view} aria-hidden="true" focusable="false">', svg, count=1)
    svg = _rename_ids(svg.replace("xlink:href", "href"), name)
    # The font is that of the page; size and weight stay.
    svg = re.sub(
        r"font: ((?:bold |700 )?)([\d.]+)px [^;\"]*",
        lambda found: f"font-size: {found[2]}px" + ("; font-weight: 600" if found[1] else ""),
        svg,
    )
    for placeholder, color in CSS_COLORS.items():
        svg = svg.replace(placeholder, color)
    # A hundredth of a unit is less than a pixel of any screen.
    svg = re.sub(
        r' (d|x|y|transform|points)="[^"]*"',
        lambda found: re.sub(r"\d+\.\d{3,}", lambda n: f"{float(n[0]):.2f}", found[0]),
        svg,
    )
    return re.sub(r">\s+<", "><", svg)


def _rename_ids(svg: str, name: str) -> str:
    """Numbers the ids that are referenced, as name-1, name-2, ..., and removes the others."""
    used = dict.fromkeys(re.findall(r'(?:url\(|href=")#([\w-]+)', svg))
    names = {old: f"{name}-{number}" for number, old in enumerate(used, 1)}
    svg = re.sub(
        r' id="([^"]*)"',
        lambda found: f' id="{names[found[1]]}"' if found[1] in names else "",
        svg,
    )
    return re.sub(r"(url\(|href=\")#([\w-]+)", lambda found: f"{found[1]}#{names[found[2]]}", svg)


# Marks


def histogram(
    axes: Axes, counts: Sequence[tuple[int, int]], thing: str, counted: str
) -> list[Value]:
    """A histogram of whole numbers from 1; counts: (number, its frequency), ascending.

    thing: what has such a number, in the plural; counted: what they number. Both are for the
    values that appear on hover.
    """
    from matplotlib.ticker import MaxNLocator

    least, greatest = counts[0][0], counts[-1][0]
    label_ticks(axes.yaxis, whole_number)
    if greatest <= WIDEST_PLAIN_HISTOGRAM:
        axes.bar([number for number, _ in counts], [n for _, n in counts], width=0.86, color=FIRST)
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
        axes.margins(y=0.16)
        return [
            Value(number - 0.5, number + 0.5, f"{number:,} {thing}: {n:,} {counted}")
            for number, n in counts
        ]
    # Edges rounded to whole numbers, without repetition: the first bars hold one number each.
    edges = sorted({round((greatest + 1) ** (power / BARS)) for power in range(BARS + 1)})
    heights = [
        sum(n for number, n in counts if low <= number < high) for low, high in pairwise(edges)
    ]
    axes.stairs(heights, edges, fill=True, color=FIRST)
    log_x_axis(axes, [tick for tick in one_two_five(greatest) if tick >= least / 2])
    axes.set_xlim(left=least * 0.9)
    axes.margins(y=0.16)
    return [
        Value(low, high, f"{whole_range(low, high - 1)} {thing}: {n:,} {counted}")
        for (low, high), n in zip(pairwise(edges), heights, strict=True)
        if n
    ]


def line(axes: Axes, x: Sequence[float], y: Sequence[float], color: str) -> None:
    """A line through points; a single point is drawn as a dot."""
    axes.plot(x, y, color=color, linewidth=2, marker="o" if len(x) == 1 else None)


def vertical_mark(axes: Axes, x: float, text: str) -> None:
    """A dashed vertical line at x, with a text at its top."""
    axes.axvline(x, color=INK, linewidth=1, linestyle=(0, (3, 2)))
    axes.annotate(
        text,
        (x, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -2),
        textcoords="offset points",
        va="top",
    )


def point_label(
    axes: Axes, text: str, x: float, y: float, *, align: str, rise: float, **style: Any
) -> None:
    """A text above a point. align: 'left', 'center' or 'right'; rise: in units of the chart."""
    axes.annotate(text, (x, y), xytext=(0, rise), textcoords="offset points", ha=align, **style)


def corner_text(axes: Axes, text: str, x: float, y: float, color: str, **style: Any) -> None:
    """A text in the corner next to (x, y), which are fractions of the width and the height."""
    axes.text(
        x,
        y,
        text,
        color=color,
        transform=axes.transAxes,
        ha="right" if x > 0.5 else "left",
        va="top" if y > 0.5 else "bottom",
        **style,
    )


# Axes


def name_axes(axes: Axes, *, x: str, y: str) -> None:
    """Names the axes; the name of the y axis stands above it."""
    axes.set_title(y)
    axes.set_xlabel(x)


def label_ticks(axis: Axis, text: Callable[[float], str]) -> None:
    """Labels the ticks of an axis by a function of their values."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))


def whole_range(least: int, greatest: int) -> str:
    """A number, or the least and the greatest of several: '7', '8 to 11'."""
    return f"{least:,}" if least == greatest else f"{least:,} to {greatest:,}"


def between(points: Sequence[float], *, ratio: bool = False) -> list[tuple[float, float]]:
    """A range around each of some ascending points, which ends midway to the next.

    ratio: midway on a logarithmic axis.
    """
    if len(points) == 1:
        return [(points[0] / 2, points[0] * 2) if ratio else (points[0] - 0.5, points[0] + 0.5)]
    places = [math.log(point) for point in points] if ratio else list(points)
    places = [2 * places[0] - places[1], *places, 2 * places[-1] - places[-2]]
    edges = [(low + high) / 2 for low, high in pairwise(places)]
    return list(pairwise(math.exp(edge) if ratio else edge for edge in edges))


def whole_number(value: float) -> str:
    """The label of a tick: a whole number with thousands separators; empty for a fraction."""
    return f"{value:,.0f}" if value == round(value) else ""


def whole_percent(value: float) -> str:
    """The label of a tick: a share as a whole percentage."""
    return f"{100 * value:.0f}{PERCENT_SIGN}"


def log_x_axis(axes: Axes, ticks: Sequence[int]) -> None:
    """Makes the x axis logarithmic, with these ticks."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    label_ticks(axes.xaxis, whole_number)


def log_y_axis(axes: Axes) -> None:
    """Makes the y axis logarithmic, with powers of ten in plain digits."""
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(10, numticks=8))
    axes.yaxis.set_minor_locator(NullLocator())
    label_ticks(axes.yaxis, whole_number)


def one_two_five(greatest: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... up to a number."""
    numbers = [base * 10**power for power in range(len(str(greatest))) for base in (1, 2, 5)]
    return [number for number in numbers if number <= greatest]
