"""`python -m jcae`, which works from plain sources, too."""

from jcae.cli import app

app(prog_name="jcae")
