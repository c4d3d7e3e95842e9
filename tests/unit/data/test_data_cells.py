"""Single-cell counts, on small archives in the format of 10x Genomics."""

import numpy as np
import pytest
from data_files import cells, matrix_market

from jcae.data.formats import DataError, DataFormatError
from jcae.data.loaders import LOADERS
from jcae.data.loaders.cells import most_variable, read_cells

# genes x cells
FIRST = np.array([[0, 1, 0], [7, 0, 1], [2, 2, 2], [0, 0, 0], [0, 3, 0]])
SECOND = np.array([[0, 0], [0, 15], [2, 2], [0, 0], [1, 0]])


def test_archive_is_read_as_cells_by_genes(tmp_path):
    counts, genes = read_cells(cells(tmp_path / "a.tar.gz", FIRST))
    np.testing.assert_array_equal(counts.toarray(), FIRST.T)
    assert genes[:2] == ["ENSG00000000000", "ENSG00000000001"]


def test_variable_genes_are_kept_and_scaled(tmp_path):
    files = [cells(tmp_path / "a.tar.gz", FIRST), cells(tmp_path / "b.tar.gz", SECOND)]
    X, y = LOADERS["cells"](files, genes=2)
    # Genes 1 and 4 vary most; gene 2 is frequent but constant. log2(16) = 4 is the maximum.
    expected = np.log2(1 + np.hstack([FIRST, SECOND])[[1, 4]].T) / 4
    order = np.random.RandomState(0).permutation(5)
    assert X.dtype == np.float32
    np.testing.assert_allclose(X, expected[order], rtol=1e-6)
    assert y.tolist() == [[0, 0, 0, 1, 1][i] for i in order]


def test_variance_is_that_over_all_cells():
    from scipy import sparse

    random = np.random.RandomState(1)
    parts = [random.poisson(random.gamma(1, 2, 40), (n, 40)) for n in (30, 50)]
    variance = np.vstack(parts).var(axis=0)
    chosen = most_variable([sparse.csc_array(part) for part in parts], 7)
    assert chosen.tolist() == sorted(np.argsort(-variance)[:7].tolist())
    # Ties, here two equal genes, go to the first.
    twice = sparse.csc_array(np.hstack([parts[0], parts[0]]))
    assert (most_variable([twice], 1) < 40).all()


@pytest.mark.parametrize(
    ("changed", "say"),
    [
        ({"genes": None}, "the archive holds no genes.tsv"),
        ({"matrix": None, "barcodes": None}, "the archive holds no barcodes.tsv, matrix.mtx"),
        ({"barcodes": b"A-1\n"}, r"no sparse matrix of 5 genes and 1 cells \(5 x 3 with"),
        ({"matrix": b"<html>"}, "no sparse matrix of 5 genes and 3 cells"),
        ({"matrix": matrix_market(FIRST)[:-4]}, "no sparse matrix"),
        ({"matrix": matrix_market(FIRST).replace(b"2 1 7", b"9 1 7")}, "no sparse matrix"),
        ({"matrix": matrix_market(FIRST).replace(b"2 1 7", b"2 1 -7")}, "not a matrix of counts"),
        (
            {"matrix": matrix_market(FIRST).replace(b"integer", b"real").replace(b"2 1 7", b"2 1 7.5")},
            "not a matrix of counts",
        ),
        # SciPy crashes here.
        ({"matrix": matrix_market(FIRST)[:-1] + b" 7 7"}, "not a matrix of counts"),
        ({"matrix": b"%%MatrixMarket matrix array real general\n5 3\n" + b"1\n" * 15}, "no sparse matrix"),
    ],
)
def test_refusals(changed, say, tmp_path):
    with pytest.raises(DataFormatError, match=rf"a\.tar\.gz: .*{say}"):
        read_cells(cells(tmp_path / "a.tar.gz", FIRST, **changed))


def test_archives_must_fit_together(tmp_path):
    first = cells(tmp_path / "a.tar.gz", FIRST)
    with pytest.raises(DataFormatError, match=r"b\.tar\.gz: other genes than in .*a\.tar\.gz"):
        LOADERS["cells"]([first, cells(tmp_path / "b.tar.gz", SECOND, names=list("vwxyz"))], genes=2)
    with pytest.raises(DataError, match="5 genes, fewer than 720"):
        LOADERS["cells"]([first])
    with pytest.raises(DataError, match="all counts are zero"):
        LOADERS["cells"]([cells(tmp_path / "c.tar.gz", 0 * FIRST)], genes=2)
