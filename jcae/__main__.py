"""`python -m jcae`, which works from plain sources, too, and the script `jcae`."""

import sys

from jcae.extras import MissingExtraError, extra
from jcae.forkserver import call


def main() -> None:
    """Run the command line, or say what it needs."""
    try:
        with extra("bench", "the command line"):
            from jcae.cli import app
    except MissingExtraError as error:
        print(f"jcae: {error}", file=sys.stderr)
        sys.exit(2)
    app(prog_name="jcae")


if __name__ == "__main__":
    if (code := call(sys.argv)) is not None:
        sys.exit(code)
    main()
