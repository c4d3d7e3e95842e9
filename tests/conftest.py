"""What several tests share."""

import os
from pathlib import Path

# One thread per process, as every job of the pipeline has: bitwise statements hold for it, and pytest's workers do not
# fight over the cores. Set before anything imports torch, numpy or scikit-learn.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from jcae.data.fetch import MIRROR_VARIABLE


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder with the real data files; tests that need it are skipped elsewhere."""
    folder = os.environ.get(MIRROR_VARIABLE)
    if not folder:
        pytest.skip(f"needs the real data files: set {MIRROR_VARIABLE} to a folder that holds them")
    if not Path(folder).is_dir():
        pytest.skip(f"needs the real data files in a folder, but {MIRROR_VARIABLE} is {folder!r}")
    return Path(folder)
