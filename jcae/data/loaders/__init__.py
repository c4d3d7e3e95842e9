"""Which function reads which data set, and its graph. Each is given the files in the order of the catalogue."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.loaders import cells, colour, images, networks, planetoid, tables, text

# Each gives X, float32 (n, d), and y, (n,): numbers, or names.
LOADERS: dict[str, Callable[[Sequence[Path]], tuple[np.ndarray, np.ndarray]]] = {
    "airports": networks.airports,
    "amazon": networks.amazon,
    "breast_cancer": tables.breast_cancer,
    "cells": cells.cells,
    "cifar10": colour.cifar10,
    "cifar100": colour.cifar100,
    "digits": images.digits,
    "emnist_letters": images.emnist_letters,
    "five_gaussians": tables.five_gaussians,
    "four_gaussians": tables.four_gaussians,
    "four_gaussians_moved": tables.four_gaussians_moved,
    "har": tables.har,
    "iris": tables.iris,
    "keywords": tables.keywords,
    "letter": tables.letter,
    "mnist": images.mnist,
    "mnist_16": images.mnist_16,
    "mnist_box_16": images.mnist_box_16,
    "mnist_rotated": images.mnist_rotated,
    "newsgroups": text.newsgroups,
    "optdigits": images.optdigits,
    "orl": images.orl,
    "pendigits": tables.pendigits,
    "planetoid": planetoid.planetoid,
    "qmnist": images.qmnist,
    "rcv1": text.rcv1,
    "satimage": tables.satimage,
    "segment": tables.segment,
    "stl10": colour.stl10,
    "svhn": colour.svhn,
    "usps": images.usps,
    "wine": tables.wine,
}

# Of data sets that bring a graph, by the same keys: each gives a scipy.sparse.csr_array as in jcae.data.graphs.graph.
GRAPHS: dict[str, Callable[[Sequence[Path]], Any]] = {
    "airports": networks.airports_graph,
    "amazon": networks.amazon_graph,
    "keywords": tables.keywords_graph,
    "planetoid": planetoid.planetoid_graph,
}
