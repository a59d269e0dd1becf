"""The charts of the report: inline SVG by matplotlib, and what each shows in words.

Colors are CSS variables of the page, so that one drawing is right on light and on dark paper;
texts stay texts, in the page's font.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ubcf.drawing.numbers import PERCENT_SIGN
from ubcf.errors import UbcfError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Size of a chart in its own units; the page scales it. On a phone a unit is about a pixel.
WIDTH = 400

HEIGHT = 250

UNITS_PER_INCH = 72

# What the drawing is given for a color, and what the page gets instead of it.
INK, MUTED, LINE, FIRST, SECOND, PAPER = (f"#0{n}0{n}0{n}" for n in range(1, 7))

COLORS = {
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
    # Dollar signs in the name of an experiment are no formula.
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

# A histogram of whole numbers has a bar for each up to this one, and bars of growing width above.
WIDEST_PLAIN_HISTOGRAM = 60

BARS = 30


def check_drawing() -> None:
    """Raises UbcfError when matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UbcfError(
            f"the report needs matplotlib ({error}); install it by: pip install 'ubcf[report]'"
        ) from error


# Drawing


def drawing(name: str, draw: Callable[[Axes], None], height: float = HEIGHT) -> str:
    """What `draw` draws on the axes of a new figure, as an SVG element for an HTML page.

    name: begins the ids in it, so that those of two charts on a page differ.
    """
    written = io.StringIO()
    with _figure(height) as figure:
        draw(figure.subplots())
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    return _inline(written.getvalue(), name)


@contextmanager
def _figure(height: float) -> Iterator[Figure]:
    # Its notes on fonts and caches are nothing for a user of ubcf.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib.style
    from matplotlib.figure import Figure

    # Whatever style the user has set up, the page looks the same.
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        # The font that is measured by may lack a letter that the page's font has.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph")
        size = (WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH)
        yield Figure(figsize=size, layout="constrained")


def _inline(svg: str, name: str) -> str:
    """The element svg of a file by matplotlib: as small as it can be, and at home in a page."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # A style of all elements would be one of the page.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    (view,) = re.findall(r'viewBox="[^"]*"', svg)
    svg = re.sub(r"<svg[^>]*>", f'<svg {view} aria-hidden="true" focusable="false">', svg, count=1)
    svg = svg.replace("xlink:href", "href")
    # Ids that nothing points to go; the others get names of this chart.
    used = dict.fromkeys(re.findall(r'(?:url\(|href=")#([\w-]+)', svg))
    names = {old: f"{name}-{number}" for number, old in enumerate(used, 1)}
    svg = re.sub(
        r' id="([^"]*)"',
        lambda found: f' id="{names[found[1]]}"' if found[1] in names else "",
        svg,
    )
    svg = re.sub(r"(url\(|href=\")#([\w-]+)", lambda found: f"{found[1]}#{names[found[2]]}", svg)
    # Texts have the font of the page; only size and weight are ours.
    svg = re.sub(
        r"font: ((?:bold |700 )?)([\d.]+)px [^;\"]*",
        lambda found: f"font-size: {found[2]}px" + ("; font-weight: 600" if found[1] else ""),
        svg,
    )
    for color, variable in COLORS.items():
        svg = svg.replace(color, variable)
    # A hundredth of a unit is less than a pixel of any screen.
    svg = re.sub(
        r' (d|x|y|transform|points)="[^"]*"',
        lambda found: re.sub(r"\d+\.\d{3,}", lambda n: f"{float(n[0]):.2f}", found[0]),
        svg,
    )
    return re.sub(r">\s+<", "><", svg)


def _histogram(axes: Axes, counts: Sequence[tuple[int, int]]) -> None:
    """Bars of how often whole numbers from 1 occur: (number, how often)."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

    most = counts[-1][0]
    if most <= WIDEST_PLAIN_HISTOGRAM:
        axes.bar([number for number, _ in counts], [n for _, n in counts], width=0.86, color=FIRST)
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
    else:
        # Rounded, so that a bar is of whole numbers; the first ones are of one number each.
        edges = sorted({round((most + 1) ** (place / BARS)) for place in range(BARS + 1)})
        heights = [
            sum(n for number, n in counts if left <= number < right)
            for left, right in pairwise(edges)
        ]
        axes.stairs(heights, edges, fill=True, color=FIRST)
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks([number for number in _one_two_five(most) if number >= counts[0][0] / 2])
        axes.set_xlim(left=counts[0][0] * 0.9)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(_thousands())
    axes.margins(y=0.16)


def _mark(axes: Axes, place: float, text: str) -> None:
    """A line at a place of the x axis, and its meaning at the top."""
    axes.axvline(place, color=INK, linewidth=1, linestyle=(0, (3, 2)))
    axes.annotate(
        text,
        (place, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -2),
        textcoords="offset points",
        va="top",
    )


def _thousands() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:,.0f}" if value == round(value) else "")


def _percents() -> Any:
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1, decimals=0, symbol=PERCENT_SIGN)


def _plain_log(axis: Any) -> None:
    """Powers of ten in plain digits, and nothing between them."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(10, numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(_thousands())


def _one_two_five(most: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... up to a number."""
    numbers = [base * 10**power for power in range(len(str(most))) for base in (1, 2, 5)]
    return [number for number in numbers if number <= most]
