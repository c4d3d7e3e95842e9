"""Where snakemake looks for the logger of the name `jcae`: packages of this name, found beside the Snakefile, too."""

from jcae.terminal.handler import LogHandler

__all__ = ["LogHandler"]
