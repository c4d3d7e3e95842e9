"""Tables, as csv, Markdown, TeX and HTML."""

from jcae.extras import extra

with extra("bench", "jcae.tables"):
    import pandas  # noqa: F401 - every file of the room does
