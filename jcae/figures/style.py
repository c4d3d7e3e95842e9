"""Look of all figures, and how they are written: the same numbers give the same bytes."""

import re
import textwrap
from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

COLUMN, PAGE, HEIGHT = 85 / 25.4, 178 / 25.4, 240 / 25.4
"""In inches: width of one column, of two, and the most that a page is high. A figure has one of the two widths."""

TEXT, SMALL = 7, 5.5
"""Points of all text, and of numbers inside cells and images."""

SCREEN = 110
"""Dots per inch of what is rasterised in an svg, which is for the screen; the pdf has 300."""

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
# Beyond eight no palette is safe for every eye: markers and labels in place tell the rest (Tol's muted colours) apart.
# Okabe and Ito's yellow is left out: it is faint on white.
PALETTE = (*OKABE_ITO, "#882255", "#999933", "#332288", "#44AA99", "#AA4499", "#117733", "#661100", "#DDCC77")
GREY = "#8C8C8C"
MARKERS = "osD^vPX<>*"

_RC = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, hence the same on every machine
    **dict.fromkeys(
        (
            *("font.size", "axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize"),
            *("legend.fontsize", "figure.titlesize", "figure.labelsize"),
        ),
        TEXT,
    ),
    "axes.titlepad": 3,
    "axes.labelpad": 2,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "svg.hashsalt": "jcae",  # else matplotlib draws random ids and no two files are equal
    "pdf.fonttype": 42,
}


def applied() -> AbstractContextManager[None]:
    """Apply the style within a `with` block, whatever the user's own settings are."""
    return mpl.rc_context(dict(mpl.rcParamsDefault) | _RC | {"backend": "agg"})


def new(width: float, height: float) -> Figure:
    """Make a figure of a size in inches, apart from pyplot and its global state; at most a page high."""
    return Figure(figsize=(width, min(height, HEIGHT)), layout="constrained")


def grid(
    n_panels: int, columns: int, height: float, extra: float = 0.4, **sharing: bool | str
) -> tuple[Figure, list[Axes]]:
    """Make a figure with `n_panels` panels of this height in rows of at most `columns`, over the width of a page.

    Half as many panels as there are columns, or fewer, take one column.
    """
    width = COLUMN if 2 * n_panels <= columns else PAGE
    columns = min(columns if width == PAGE else columns // 2, n_panels)
    rows = -(-n_panels // columns)
    figure = new(width, rows * height + extra)
    axes = list(figure.subplots(rows, columns, squeeze=False, **sharing).flat)
    for unused in axes[n_panels:]:
        unused.remove()
    return figure, axes[:n_panels]


def caption(figure: Figure, text: str) -> None:
    """Write one small paragraph below the panels, broken to the width of the figure."""
    characters = int(figure.get_figwidth() * 19)
    figure.supxlabel(textwrap.fill(text, characters), x=0.01, ha="left", color="#404040")


def empty(message: str, columns: list[str]) -> tuple[str, pd.DataFrame]:
    """Say why there is nothing to draw, in place of the figure, with a table without rows."""
    return message, pd.DataFrame(columns=columns)


def colours(n: int) -> list[str]:
    """Return n colours; they repeat beyond the length of `PALETTE`."""
    return [PALETTE[i % len(PALETTE)] for i in range(n)]


def dots(colour: str, marker: str, *, size: float = 2.5) -> dict[str, Any]:
    """Look of the seeds of a method: small marks without a line, one image in vector files."""
    return {"ls": "", "color": colour, "marker": marker, "ms": size, "alpha": 0.55, "mew": 0, "rasterized": True}


def mean_mark(colour: str, marker: str, *, size: float = 5.5) -> dict[str, Any]:
    """Look of the mean of a method."""
    return {"ls": "", "color": colour, "marker": marker, "ms": size, "mec": "white", "mew": 0.6}


def legend_columns(figure: Figure, names: Iterable[str], most: int) -> int:
    """How many columns of a legend the width of a figure holds, at most `most`."""
    column = 0.6 * TEXT * max(map(len, names)) + 4 * TEXT
    return max(1, min(most, int(72 * figure.get_figwidth() // column)))


def hide_frame(axes: Axes) -> None:
    """Remove ticks and frame of a panel whose axes carry no unit."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def trim(figure: Figure, axes: Axes) -> None:
    """Cut off the height that the only panel of a figure leaves unused, because its aspect is that of its image."""
    figure.draw_without_rendering()  # the layout is known only now
    free = axes.get_position(original=True).height - axes.get_position().height
    figure.set_figheight(figure.get_figheight() * (1.0 - free))


def shade_phases(axes: Axes, curves: pd.DataFrame, *, named: bool = True) -> None:
    """Shade every other phase of a training, and name the phases where there are more than one.

    Parameters
    ----------
    axes : Axes
        Its x axis counts updates.
    curves : DataFrame
        Columns phase, update.
    named : bool
    """
    ends = curves.groupby("phase", sort=False)["update"].max().sort_values()
    start = 0
    for i, (phase, end) in enumerate(ends.items()):
        if i % 2:
            axes.axvspan(start, end, color="#EFEFEF", zorder=0, lw=0)
        if named and len(ends) > 1:
            place = (start + end) / 2, 0.97
            transform = axes.get_xaxis_transform()
            axes.text(*place, phase, transform=transform, ha="center", va="top")
        start = end


def show(axes: Axes, images: np.ndarray, low: float, high: float) -> None:
    """Draw images side by side: grey ones dark on white, colour ones in their colours.

    Parameters
    ----------
    axes : Axes
    images : ndarray, shape (rows, columns, height, width) or (rows, columns, height, width, 3)
        As `mosaic` takes them.
    low, high : float
        Values of white and black; in colour, of no light and of full light. What lies beyond is drawn as these.
    """
    joined = mosaic(images)
    if joined.ndim == 3:
        # matplotlib scales grey values only, and draws NaN in colour as black.
        joined = np.nan_to_num(np.clip((joined - low) / (high - low), 0, 1), nan=1)
    axes.imshow(joined, cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")


def mosaic(images: np.ndarray, gap: int = 1) -> np.ndarray:
    """Join images into one, with gaps of NaN.

    Parameters
    ----------
    images : ndarray, shape (rows, columns, height, width) or (rows, columns, height, width, channels)
        A NaN image leaves an empty place.
    gap : int
        Pixels between two images.

    Returns
    -------
    ndarray, shape (rows * (height + gap) - gap, columns * (width + gap) - gap), and channels where there are any
    """
    rows, columns, height, width, *channels = images.shape
    padded = np.full((rows, columns, height + gap, width + gap, *channels), np.nan)
    padded[:, :, :height, :width] = images
    joined = padded.swapaxes(1, 2).reshape(rows * (height + gap), columns * (width + gap), *channels)
    return joined[: rows * (height + gap) - gap, : columns * (width + gap) - gap]


_PLACES = re.compile(r' d="[^"]*"|translate\([^)]*\)')
_DIGITS = re.compile(r"(\.\d)\d+")
_INDENTATION = re.compile(r"\n +")
_GLYPH = re.compile(r'(<use xlink:href="#[^"]*") transform="translate\(([-\d.]+) ([-\d.]+)\)"/>')
_FONT = re.compile(r'(?<=["#])DejaVuSans')
_IMAGE = re.compile(r'(?<=data:image/png;base64,)[^"]+')


def _small(svg: str) -> str:
    """The same picture in fewer bytes: places to a tenth of a point, short letters, images with a palette."""
    svg = _INDENTATION.sub("\n", _PLACES.sub(lambda found: _DIGITS.sub(r"\1", found[0]), svg))
    # Every letter of a text is an element of its own: a third of the file.
    svg = _GLYPH.sub(_placed, _FONT.sub("f", svg))
    return _IMAGE.sub(lambda found: _small_image(found[0]), svg)


def _placed(glyph: re.Match[str]) -> str:
    use, x, y = glyph.groups()
    return f'{use} x="{x}"/>' if y == "0" else f'{use} x="{x}" y="{y}"/>'


def _small_image(encoded: str) -> str:
    """A png in base64 with at most 256 colours: exactly its own where these suffice, else those of an octree."""
    image = Image.open(BytesIO(b64decode(encoded))).convert("RGBA")
    colours, index = np.unique(np.asarray(image).view(np.uint32), return_inverse=True)  # four bytes are a colour
    if len(colours) > 256:
        image = image.quantize(256, method=Image.Quantize.FASTOCTREE)
    else:
        image = Image.fromarray(index.reshape(image.height, image.width).astype(np.uint8), "P")
        image.putpalette(colours.tobytes(), "RGBA")
    written = BytesIO()
    image.save(written, "png", optimize=True)
    smaller = b64encode(written.getvalue()).decode("ascii")
    return min(encoded, smaller, key=len)


def paths(stem: str | Path) -> tuple[Path, Path, Path]:
    """The svg, pdf and csv of a figure; a dot in its name is part of the name."""
    return tuple(Path(f"{stem}{suffix}") for suffix in (".svg", ".pdf", ".csv"))


def save(figure: Figure, data: pd.DataFrame, stem: str | Path) -> list[Path]:
    """Write a figure as `<stem>.svg` and `<stem>.pdf`, and the numbers it was drawn from as `<stem>.csv`.

    Parameters
    ----------
    figure : Figure
    data : DataFrame
        What was drawn.
    stem : path
        Without suffix; the folder is made.

    Returns
    -------
    list of Path
        The files written. The same figure gives the same bytes with the same matplotlib.
    """
    svg, pdf, csv = paths(stem)
    svg.parent.mkdir(parents=True, exist_ok=True)
    with applied():
        _settle(figure)
        # The time of writing would make every file a new one.
        figure.savefig(svg, dpi=SCREEN, metadata={"Date": None})
        svg.write_text(_small(svg.read_text(encoding="utf-8")), encoding="utf-8")
        figure.savefig(pdf, metadata={"CreationDate": None})
    data.to_csv(csv, index=False)
    return [svg, pdf, csv]


def _settle(figure: Figure) -> None:
    """Run the layout once and round it: its solver's last bits differ from run to run, and the svg's ids hash them."""
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # with any other, "none" too, each file draws the figure once more, for nothing
    for part in figure.subfigs:
        part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), 5))
    for ax in figure.get_axes():
        ax.set_position(np.round(ax.get_position(original=True).bounds, 5))
