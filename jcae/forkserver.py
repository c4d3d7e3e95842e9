"""A process that has imported the large packages once, and forks for every verb that is called on its machine.

Starting Python with torch and scikit-learn takes seconds, most of what a small step takes. While `snakemake` runs jobs
on its own machine, it starts one such process (`start`); `python -m jcae VERB` finds it by an environment variable,
hands over its arguments, environment and streams, and ends as the fork does (`call`). Without it, as on a cluster, on a
system other than Linux, or for a verb with more threads than one, the same command does everything itself.

Of our own code nothing is imported before the fork: what runs is what the caller would import, as its digest in the
record says. A fork leaves no Python behind that would have to be taken down: that writes to all memory that it shares,
and so copies it, which takes longer than many a step.
"""

import atexit
import ctypes
import gc
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

PLACE = "JCAE_FORKSERVER"
"""Environment variable: folder of the sockets."""
WANTED = "JCAE_PRELOADED"
"""Environment variable: which of `PRELOADED` a verb wants; the first of them if it does not say."""
PRELOADED = {
    "plain": (
        *("numpy", "pandas", "scipy.stats", "sklearn.cluster", "sklearn.metrics", "sklearn.mixture"),
        *("jsonschema", "pydantic", "typer", "yaml"),
    ),
    "torch": ("torch", "safetensors.torch"),
}
"""What is imported beforehand, each beside what is named before it. The peak memory of a run counts all of it, so a
method that does without torch must not find it there."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that are read when the packages are imported: other numbers of threads need another process."""

_LENGTH = struct.Struct("!Q")
_STREAMS = (0, 1, 2)


# --- the caller -------------------------------------------------------------------------------------------------------


def call(arguments: list[str]) -> int | None:
    """Have the command line run by a fork.

    Parameters
    ----------
    arguments : list of str
        `sys.argv`.

    Returns
    -------
    int or None
        Exit code as a shell has it, 128 and the number of the signal where one ended the fork; None where there is
        nobody to fork, or nobody any more: whoever forked was killed, and the fork with it.
    """
    folder = os.environ.get(PLACE)
    if not folder or any(os.environ.get(name) != "1" for name in THREADS):
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(Path(folder, os.environ.get(WANTED, next(iter(PRELOADED))))))
        except OSError:
            return None
        given = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ), "path": sys.path}
        request = json.dumps(given).encode()
        socket.send_fds(connection, [_LENGTH.pack(len(request))], _STREAMS)
        connection.sendall(request)
        answer = _receive(connection, _LENGTH.size)
    if answer is None:
        print("jcae: the process that forked for this verb was killed; starting anew", file=sys.stderr)
        return None
    return _LENGTH.unpack(answer)[0]


def _receive(connection: socket.socket, size: int) -> bytes | None:
    """So many bytes, or None where the other side ends before."""
    found = b""
    while len(found) < size:
        with suppress(ConnectionError):
            if part := connection.recv(size - len(found)):
                found += part
                continue
        return None
    return found


# --- the process that forks -------------------------------------------------------------------------------------------


def start() -> None:
    """Start the processes of `PRELOADED`, which end with this one, however that ends, and say so to what it starts.

    Where whoever started this process has done so, those serve.
    """
    if sys.platform != "linux" or _is_served():  # elsewhere system libraries do not survive a fork
        return
    folder = tempfile.mkdtemp(prefix="jcae-")  # which nobody else may enter
    with ExitStack() as opened:
        listeners = [opened.enter_context(socket.socket(socket.AF_UNIX)) for _ in PRELOADED]
        # Before anything is imported: an early caller waits, which takes no longer than importing by itself.
        for listener, name in zip(listeners, PRELOADED, strict=True):
            listener.bind(str(Path(folder, name)))
            listener.listen(128)
        numbers = [listener.fileno() for listener in listeners]
        command = [sys.executable, "-m", "jcae.forkserver", folder, *map(str, numbers)]
        environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
        # Nothing is ever written to the pipe; it closes with this process.
        server = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, pass_fds=numbers)
    os.environ[PLACE] = folder
    atexit.register(_stop, server)


def _is_served() -> bool:
    with socket.socket(socket.AF_UNIX) as connection, suppress(KeyError, OSError):
        connection.connect(str(Path(os.environ[PLACE], next(iter(PRELOADED)))))
        return True
    return False


def _stop(server: subprocess.Popen) -> None:
    server.stdin.close()
    with suppress(subprocess.TimeoutExpired):  # a verb that goes on after an interrupt
        server.wait(10)


def serve(folder: Path, numbers: list[int]) -> None:
    """Answer calls until standard input closes. Returns in a fork alone, which then is what the caller was.

    Parameters
    ----------
    folder : Path
        Of the sockets; it is removed at the end.
    numbers : list of int
        The open sockets, one for each of `PRELOADED`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the verbs
    atexit.register(_leave)  # the first, which is called last
    listeners = {name: socket.socket(fileno=number) for name, number in zip(PRELOADED, numbers, strict=True)}
    first, *others = PRELOADED
    _preload(first)
    name = first
    for other in others:  # a process for each name, forked from that of the name before
        if os.fork():
            break
        listeners.pop(name).close()  # at once: what holds a socket open seems to answer
        name = other
        _preload(name)
    listener = listeners.pop(name)
    for other in listeners.values():
        other.close()
    if not _answer(listener):
        with suppress(ChildProcessError):
            os.wait()
        if name == first:
            shutil.rmtree(folder, ignore_errors=True)
        _end(0)


def _preload(name: str) -> None:
    for module in PRELOADED[name]:
        with suppress(ImportError):  # whoever needs it says so
            import_module(module)
    gc.collect()
    gc.freeze()  # a collection would write to what all forks share


def _answer(listener: socket.socket) -> bool:
    """Fork for each caller; True in a fork, False at the end."""
    woken, wakes = socket.socketpair()
    for side in (woken, wakes):
        side.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    callers: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector, ExitStack() as opened:
        for source in (listener, woken):
            opened.enter_context(source)
        opened.enter_context(wakes)
        opened.callback(signal.set_wakeup_fd, -1)  # before it is closed: the process of another name may end later
        selector.register(listener, selectors.EVENT_READ, "call")
        selector.register(woken, selectors.EVENT_READ, "ended")
        selector.register(0, selectors.EVENT_READ, "over")
        is_over = False
        while callers or not is_over:
            for key, _ in selector.select():
                if key.data == "over":
                    is_over = True
                    selector.unregister(0)
                    selector.unregister(listener)
                elif key.data == "ended":
                    with suppress(BlockingIOError):
                        woken.recv(4096)
                    _reap(callers, selector)
                elif key.data == "call" and not is_over:
                    connection, _ = listener.accept()
                    if (request := _read_request(connection)) is None:
                        connection.close()
                    elif process := os.fork():
                        for stream in request["streams"]:
                            os.close(stream)
                        callers[process] = connection
                        selector.register(connection, selectors.EVENT_READ, process)
                    else:
                        for other in (connection, *callers.values()):
                            other.close()
                        _become(request)
                        return True
                elif key.data in callers:  # the caller was killed, and with it goes what ran for it
                    selector.unregister(callers[key.data])
                    os.kill(key.data, signal.SIGKILL)
    return False


def _read_request(connection: socket.socket) -> dict[str, Any] | None:
    with suppress(ConnectionError):
        head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, len(_STREAMS))
        if len(head) == _LENGTH.size and (text := _receive(connection, _LENGTH.unpack(head)[0])) is not None:
            return {**json.loads(text), "streams": streams}
    return None


def _reap(callers: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    """Tell the callers of all that have ended how they did."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            return
        if (connection := callers.pop(process, None)) is None:  # the process of another name
            continue
        code = os.waitstatus_to_exitcode(status)
        with suppress(KeyError):
            selector.unregister(connection)
        with connection, suppress(OSError):
            connection.sendall(_LENGTH.pack(code if code >= 0 else 128 - code))


def _become(request: dict[str, Any]) -> None:
    """Take over what the caller has: streams, environment, folder, arguments; and no state that all forks share."""
    for stream, given in zip(_STREAMS, request["streams"], strict=True):
        os.dup2(given, stream)
        os.close(given)
    # PR_SET_PDEATHSIG: it ends with its parent, or a caller that starts anew would not be alone.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    del os.environ[PLACE]
    os.chdir(request["folder"])
    sys.argv[:] = request["arguments"]
    sys.path[:] = request["path"]
    for name in [name for name in sys.modules if name.partition(".")[0] == "jcae"]:
        del sys.modules[name]
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # it was drawn when numpy was imported


# --- the fork ---------------------------------------------------------------------------------------------------------

_ended: list[int] = []
"""Exit code of this process, once it is known."""


def run_verb() -> None:
    """Run the command line that the fork has taken over, as `python -m jcae` does."""
    try:
        runpy.run_module("jcae", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):  # Python prints it
            raise
        _end(end.code or 0)
    _end(0)


def _end(code: int) -> None:
    _ended.append(code)
    sys.exit(code)


def _leave() -> None:
    """End this process, after all that was to be done at its end, without taking its modules apart."""
    if _ended:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # closed by whoever reads it, or by the verb
                stream.flush()
        os._exit(_ended[0])


if __name__ == "__main__":
    serve(Path(sys.argv[1]), [int(number) for number in sys.argv[2:]])
    run_verb()
