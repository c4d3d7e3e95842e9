"""Figures as they are printed: one order and colour of methods, one size of text, widths of columns, small files."""

import re
from base64 import b64decode, b64encode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from jcae.figures import FIGURES, OF_EQUIVALENCE, OF_SWEEP, PER_DATASET, draw_all, style
from jcae.figures.cost import on_front
from jcae.figures.labels import apart, spread
from jcae.figures.order import looks_of
from jcae.figures.sources import chosen_runs, looks, records_of
from jcae.scores.evaluation import read_results
from jcae.scores.neighbours import neighbour_map

pytestmark = pytest.mark.slow

NAMES = [
    n
    for n in FIGURES
    if n not in OF_EQUIVALENCE + OF_SWEEP
    and not n.startswith(("effects", "variants"))
    and n not in ("scores_nmi", "scores_ari")
]


@pytest.fixture(scope="module")
def figures(fake):
    """Every figure of the run, drawn once, with AE-CM as reference: name -> figure and numbers."""
    with style.applied():
        return {n: FIGURES[n](fake[0], "digits" if n in PER_DATASET else None, reference="aecm") for n in NAMES}


def test_reference_first_then_by_rank_controls_last(fake):
    scores, records = read_results(fake[0])
    found = list(looks_of(records, scores, "dec"))
    means = (
        scores[(scores["metric"] == "acc") & (scores["labels"] == "own")].groupby(["dataset", "method"])["value"].mean()
    )
    ranks = means.unstack("dataset").rank(ascending=False).mean(axis=1)
    others = [m for m in found if m in ranks.index and m not in ("dec", "random", "true")]
    assert found[0] == "dec"
    assert ranks[others].is_monotonic_increasing
    assert found[-2:] == sorted(found[-2:], key=ranks.get)
    assert set(found[-2:]) == {"random", "true"}
    assert found[-3] == "broken"  # without a score


@pytest.mark.slow
def test_order_and_colour_are_the_same_over_figures(fake, figures):
    expected = looks(records_of(fake[0], reference="aecm"))
    order = list(expected)
    for name, (_, data) in figures.items():
        if "name" in data and name not in ("glance",):
            here = list(dict.fromkeys(data["name"].dropna()))
            here = [n for n in here if n in order]  # class means are no method
            if name not in ("scores_acc", "scores_silhouette", "scores_stability", "critical_difference", "cost"):
                assert here == sorted(here, key=order.index), name
    panels = [figures[n][0].axes[0] for n in ("scores_acc", "scores_silhouette")]
    assert [tick.get_text() for tick in panels[0].get_yticklabels()] == order
    assert [tick.get_text() for tick in panels[1].get_yticklabels()] == order
    assert panels[0].get_ylim()[0] > panels[0].get_ylim()[1]  # the first on top
    for record, _ in chosen_runs(fake[0], "digits", "labels", "aecm"):
        assert record["colour"] == expected[record["name"]]["colour"]
    assert expected[order[0]]["colour"] == style.PALETTE[0]
    assert style.PALETTE[0] not in {look["colour"] for look in list(expected.values())[1:]}


def test_no_two_methods_look_alike():
    records = pd.DataFrame({"dataset": "d", "method": [f"m{i}" for i in range(40)], "control": False})
    records["label"] = records["method"]
    scores = pd.DataFrame({"dataset": [], "method": [], "metric": [], "labels": [], "value": []})
    found = looks_of(records, scores, "m3")
    assert len({(look.colour, look.marker) for look in found.values()}) == 40


@pytest.mark.parametrize("name", NAMES)
def test_widths_and_sizes_are_those_of_print(figures, name):
    figure, _ = figures[name]
    millimetres = 25.4 * figure.get_figwidth()
    assert min(abs(millimetres - 85), abs(millimetres - 178)) < 1e-6
    assert 25.4 * figure.get_figheight() <= 240 + 1e-6
    sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()}
    assert sizes <= {style.TEXT, style.SMALL}


@pytest.mark.slow
def test_text_stays_on_the_page(figures):
    for name, (figure, _) in figures.items():
        figure.draw_without_rendering()
        texts = [text for part in (figure, *figure.subfigs) for text in part.texts]
        texts += [text for legend in figure.legends for text in legend.get_texts()]
        texts += [text for ax in figure.axes for text in (*ax.texts, ax.title, ax._left_title, ax.xaxis.label)]
        for text in texts:
            box = text.get_window_extent()
            if text.get_text().strip():
                assert box.x0 >= figure.bbox.x0 - 1, (name, text.get_text())
                assert box.x1 <= figure.bbox.x1 + 1, (name, text.get_text())


@pytest.mark.parametrize("name", ["maps", "glance", "scores_acc", "cost"])
def test_points_are_pixels_in_vector_files(figures, name):
    figure, _ = figures[name]
    marks = [c for ax in figure.axes for c in ax.collections if hasattr(c, "get_sizes") and len(c.get_offsets()) > 1]
    assert marks
    assert all(mark.get_rasterized() for mark in marks)


def test_controls_do_not_stretch_the_axis(figures):
    figure, data = figures["scores_acc"]
    ax = figure.axes[0]
    first = data[data["dataset"] == "digits"]
    mine, control = (100 * first.loc[first["control"] == is_control, "value"] for is_control in (False, True))
    low, high = ax.get_xlim()
    assert low < mine.min()
    assert mine.max() < high
    assert control.min() < low
    assert any(text.get_text().startswith("◂") for text in ax.texts)


def test_the_front_is_of_methods_that_nothing_beats():
    means = pd.DataFrame({"seconds": [1, 2, 3, 3, 0.5], "acc": [0.5, 0.6, 0.6, 0.7, 0.5]})
    assert on_front(means).tolist() == [False, True, False, True, True]


def test_what_has_nothing_to_show_is_not_made_and_named(fake, tmp_path):
    lines = list(draw_all(["cost", "effects_acc"], fake[0], tmp_path, reference="aecm"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cost.csv", "cost.pdf", "cost.svg", "not_made.txt"]
    written = (tmp_path / "not_made.txt").read_text()
    assert written == lines[-1] + "\n"
    assert written.startswith("effects_acc is not made: no method of this run is AE-CM (aecm) with one parameter")
    list(draw_all(["cost"], fake[0], tmp_path, reference="aecm"))
    assert not (tmp_path / "not_made.txt").exists()


def test_labels_are_moved_apart_and_no_further_than_needed():
    places = np.array([[0.0, 0.0], [1.0, 0.5], [1.0, 0.5], [30.0, 0.0]])
    sizes = np.full((4, 2), [6.0, 4.0])
    moved = apart(places, sizes)
    for i in range(4):
        for j in range(i):
            assert (np.abs(moved[i] - moved[j]) >= (sizes[i] + sizes[j]) / 2 - 1e-3).any()
    np.testing.assert_array_equal(moved[3], places[3])
    np.testing.assert_allclose(spread(np.array([5.0, 5.0, 9.0]), 1, 0, 10), [4.5, 5.5, 9])
    np.testing.assert_allclose(spread(np.array([0.0, 0.0, 10.0]), 8, 0, 10), [0, 5, 10])


def test_neighbours_are_mapped_by_the_rule():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.eye(3, 5) * 20, 40, axis=0) + rng.normal(size=(120, 5))
    found = neighbour_map(groups)
    np.testing.assert_array_equal(found, neighbour_map(groups))
    distances = np.linalg.norm(found[:, None] - found[None], axis=2) + np.eye(120) * 1e9
    assert (distances.argmin(1) // 40 == np.arange(120) // 40).all()
    assert neighbour_map(groups[:, :2]) is None
    assert neighbour_map(groups[:90]) is None
    assert neighbour_map(np.ones((120, 5))) is None


def _embedded(svg):
    encoded = re.findall(r"data:image/png;base64,([^\"]+)", svg)
    return [np.asarray(Image.open(BytesIO(b64decode(e))).convert("RGBA")).astype(int) for e in encoded], encoded


def _as_svg(pixels):
    written = BytesIO()
    Image.fromarray(pixels).save(written, "png")
    return f'<image xlink:href="data:image/png;base64,\n{b64encode(written.getvalue()).decode()}"/>'


def test_image_of_few_colours_keeps_each_of_its_pixels():
    greys = np.arange(256, dtype=np.uint8)[np.random.default_rng(0).integers(256, size=(40, 50))]
    pixels = np.stack([greys, greys, greys, np.where(greys % 7, 255, 100).astype(np.uint8)], axis=-1)
    (found,), (encoded,) = _embedded(style._small(_as_svg(pixels)))
    np.testing.assert_array_equal(found, pixels)
    assert len(encoded) < len(_embedded(_as_svg(pixels))[1][0])


def test_scatter_is_a_third_as_large_and_looks_the_same(tmp_path, monkeypatch):
    places = np.random.default_rng(0).normal(size=(2000, 2))

    def drawn():
        with style.applied():
            figure = style.new(2, 1.5)
            ax = figure.subplots()
            ax.scatter(*places.T, c=style.colours(2000), s=2, lw=0, alpha=0.7, rasterized=True)
            return _embedded(style.save(figure, pd.DataFrame(), tmp_path / "map")[0].read_text())

    (small,), (encoded,) = drawn()
    monkeypatch.setattr(style, "_small", lambda svg: svg)
    (whole,), (full,) = drawn()
    assert len(encoded) < len(full) / 2.5
    on_white = [p[..., :3] * p[..., 3:] / 255 + 255 - p[..., 3:] for p in (small, whole)]
    assert np.abs(on_white[0] - on_white[1]).mean() < 255 / 60


def test_letters_are_short_and_stand_where_they_stood(tmp_path, monkeypatch):
    def drawn():
        with style.applied():
            figure = style.new(2, 1.5)
            figure.text(0.1, 0.5, "Several words, $x^2$ and 3 × 4")
            return style.save(figure, pd.DataFrame(), tmp_path / "words")[0].read_text()

    at = r'"(?: transform="translate\(([-\d.]+) ([-\d.]+)\)"| x="([-\d.]+)"(?: y="([-\d.]+)")?)?'
    places = re.compile(r'<use xlink:href="#[^"]*?-(\w+)' + at)
    small = drawn()
    monkeypatch.setattr(style, "_small", lambda svg: svg)
    whole = drawn()

    def found(svg):
        return [
            (m[1], round(float(m[2] or m[4] or 0), 1), round(float(m[3] or m[5] or 0), 1)) for m in places.finditer(svg)
        ]

    assert len(found(small)) > 20
    np.testing.assert_allclose(*([place[1:] for place in found(svg)] for svg in (small, whole)), atol=0.11)
    assert [letter for letter, *_ in found(small)] == [letter for letter, *_ in found(whole)]
    used, there = (set(re.findall(pattern, small)) for pattern in (r'href="#([^"]+)"', r' id="([^"]+)"'))
    assert used <= there
    letters = [sum(map(len, re.findall("<use[^>]*>", svg))) for svg in (small, whole)]
    assert letters[0] < 0.6 * letters[1]
