"""The paper's folder: every table and figure of the list is there, or the README says why not."""

import re
import shutil

import pandas as pd
import pytest
from folder import build

from jcae.report.paper import FIGURES, TABLES, write_paper

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return build(tmp_path_factory.mktemp("run"))[0]


def test_folder_is_complete_and_holds_nothing_else(run, tmp_path):
    lines = write_paper(run, tmp_path / "paper")
    assert len(lines) == len(TABLES) + len(FIGURES)
    written = (tmp_path / "paper/README.md").read_text()
    assert all(f"- {line}\n" in written for line in lines)
    missing = [name for name in (*TABLES, *FIGURES) for line in lines if f", {name}, is not made" in line]
    # One setting per method, and no comparison of module and mixture.
    assert missing == ["equivalence", "algebra", "effects_acc", "effects_nmi", "effects_ari"]
    expected = {"README.md"}
    for kind, names, suffixes in (("table", TABLES, "csv md tex html"), ("figure", FIGURES, "svg pdf csv")):
        made = {f"{kind}_{i}_{name}" for i, name in enumerate(names, 1) if name not in missing}
        expected |= {f"{stem}.{suffix}" for stem in made for suffix in suffixes.split()}
    assert {path.name for path in (tmp_path / "paper").iterdir()} == expected
    assert "Pictures: digits. First method: aecm." in re.sub(r"\s+", " ", written)
    assert set(pd.read_csv(tmp_path / "paper/table_1_scores_acc.csv")["dataset"]) == {"digits", "wine"}


def test_without_images_and_gallery_the_rest_is_made(run, tmp_path):
    lines = write_paper(run, tmp_path / "wine", dataset="wine", reference="dec")
    assert "Figure 1, centroids, is not made: wine holds no images" in lines
    assert "Figure 3: maps, wine" in lines
    for file in ("scores.csv", "records.csv"):
        (tmp_path / "bare").mkdir(exist_ok=True)
        shutil.copy(run / file, tmp_path / "bare")
    lines = write_paper(tmp_path / "bare", tmp_path / "out")
    assert "Figure 3, maps, is not made: the folder has no gallery" in lines
    assert (tmp_path / "out/table_9_mean_best_ari.tex").exists()


def test_what_is_not_there_is_named(run, tmp_path):
    with pytest.raises(ValueError, match=r"no data set 'mnist' in .*; there are: digits, wine"):
        write_paper(run, tmp_path / "paper", dataset="mnist")
    with pytest.raises(ValueError, match="no method 'sdcn'"):
        write_paper(run, tmp_path / "paper", reference="sdcn")
    with pytest.raises(FileNotFoundError):
        write_paper(tmp_path / "nothing", tmp_path / "paper")
    assert not (tmp_path / "paper").exists()
