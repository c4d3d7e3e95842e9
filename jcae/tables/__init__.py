"""Tables, as csv, Markdown, TeX and HTML."""
