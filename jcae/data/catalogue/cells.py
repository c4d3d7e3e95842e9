"""Facts about the data sets of single cells."""

from jcae.data.facts import Dataset, Source

# File name at the publisher -> cells. The ten purified types less `cytotoxic_t` and `cd4_t_helper` are the only choice
# of eight that has 73233 cells.
_TYPES = {
    "b_cells": 10085,
    "cd14_monocytes": 2612,
    "cd34": 9232,
    "regulatory_t": 10263,
    "naive_t": 10479,
    "memory_t": 10224,
    "cd56_nk": 8385,
    "naive_cytotoxic": 11953,
}

CELLS = (
    Dataset(
        name="10x_73k",
        title="10x_73k",
        loader="cells",
        n=73233,
        d=720,
        class_names=tuple(_TYPES),
        class_counts=tuple(_TYPES.values()),
        preparation="The 720 genes of highest variance over all cells; log2(1 + count) divided by its maximum, in [0, "
        "1]; in an order drawn with a fixed seed.",
        licence="CC BY 4.0 (10x Genomics)",
        citation="Zheng et al., Massively parallel digital transcriptional profiling of single cells, Nature "
        "Communications 8:14049, 2017, doi:10.1038/ncomms14049; choice of cells and genes: Mukherjee et al., "
        "ClusterGAN, AAAI 2019",
        sources=tuple(
            Source(
                f"{name}_filtered_gene_bc_matrices.tar.gz",
                None,
                (f"https://cf.10xgenomics.com/samples/cell-exp/1.1.0/{name}/{name}_filtered_gene_bc_matrices.tar.gz",),
            )
            for name in _TYPES
        ),
        folder="10x_73k",
    ),
)
