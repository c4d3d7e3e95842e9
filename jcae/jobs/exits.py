"""Ways out of code that others wrote: an error, or `sys.exit`, a cancelled task, a closed generator.

Of these only the user's interrupt ends the process; whatever else a method raises is what happened to that method.
"""


def one_line(error: BaseException) -> str:
    """Name and message of what was raised, in one line; the name alone where there is no message."""
    try:
        said = " ".join(str(error).split())
    except Exception:
        said = "its message cannot be read"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
