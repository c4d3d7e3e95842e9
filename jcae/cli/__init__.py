"""The verbs that the rules call; each also works by hand, files in, files out.

Every verb imports what it needs when it runs: `jcae --help` stays quick, and training needs no workflow packages.
"""

from jcae.cli import config, data, equivalence, methods, results, sweep, train  # noqa: F401 - each adds its verbs to the app
from jcae.cli.app import app

__all__ = ["app"]
