"""What a method with a dictionary for each cluster shows of them: their atoms, and what the code of a point says."""

from typing import NamedTuple, Self

import numpy as np

USED = 12
"""Atoms of a dictionary that are kept at most."""
PARTS = 5
"""Atoms of the code of a point that are kept at most."""


class Atoms(NamedTuple):
    """The atoms that are used most, and one point of every cluster taken apart.

    Attributes
    ----------
    used : ndarray, (K, A, d)
        Of each dictionary the atoms with the largest mean coefficients, disregarding signs, in the codes of its points.
    use : ndarray, (K, A)
        These means.
    rows : ndarray of int64, (K,)
        The point of each cluster that the next dictionary explains worst, compared with its own; -1 where it has none.
    points, reconstructions : ndarray, (K, d)
        These points, and what their own dictionary makes of them; zero where there is none.
    parts : ndarray, (K, P, d)
        Atoms with the largest coefficients in their codes, disregarding signs.
    coefficients : ndarray, (K, P)
    """

    used: np.ndarray
    use: np.ndarray
    rows: np.ndarray
    points: np.ndarray
    reconstructions: np.ndarray
    parts: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def of(
        cls, X: np.ndarray, labels: np.ndarray, energies: np.ndarray, codes: np.ndarray, dictionaries: np.ndarray
    ) -> Self:
        """Choose them.

        Parameters
        ----------
        X : ndarray, (n, d)
        labels : ndarray of int, (n,)
        energies : ndarray, (n, K)
            Of the points under every dictionary.
        codes : ndarray, (n, H)
            Of the points under their own dictionary.
        dictionaries : ndarray, (K, d, H)
        """
        K, d, H = dictionaries.shape
        atoms = dictionaries.swapaxes(1, 2)
        found = cls(
            np.zeros((K, min(H, USED), d), X.dtype),
            np.zeros((K, min(H, USED)), X.dtype),
            np.full(K, -1, np.int64),
            *np.zeros((2, K, d), X.dtype),
            np.zeros((K, min(H, PARTS), d), X.dtype),
            np.zeros((K, min(H, PARTS)), X.dtype),
        )
        for k in range(K):
            rows = np.flatnonzero(labels == k)
            use = np.abs(codes[rows]).mean(0) if len(rows) else np.zeros(H, X.dtype)
            most = np.argsort(-use, kind="stable")[:USED]
            found.used[k], found.use[k] = atoms[k, most], use[most]
            if not len(rows):
                continue
            others = np.delete(energies[rows], k, axis=1).min(1) if K > 1 else 0.0
            row = rows[np.argmax(others - energies[rows, k])]
            code = codes[row]
            largest = np.argsort(-np.abs(code), kind="stable")[:PARTS]
            found.rows[k], found.points[k], found.reconstructions[k] = row, X[row], dictionaries[k] @ code
            found.parts[k], found.coefficients[k] = atoms[k, largest], code[largest]
        return found
