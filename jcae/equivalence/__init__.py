"""The clustering module against the Gaussian mixture."""

from jcae.extras import extra

with extra("bench", "jcae.equivalence"):
    import pandas  # noqa: F401 - every file of the room does
