"""One results folder for all figures."""

import pytest
from folder import build


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    """A results folder and a folder of prepared data: digits (images) and wine."""
    root = tmp_path_factory.mktemp("fake")
    return build(root)
