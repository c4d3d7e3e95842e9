"""What the scores of several seeds and data sets can show."""

from jcae.extras import extra

with extra("bench", "jcae.statistics"):
    import pandas  # noqa: F401 - every file of the room does
