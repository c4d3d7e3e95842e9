"""What all code of a process shares, and how a stretch of code leaves it as it was.

A number of threads, a seed or a warning filter that one method sets would reach the next one in the same process, and
the program of whoever uses the library. UMAP's import, for one, sets the threads of torch to all cores.
"""

import locale
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController


class Part(NamedTuple):
    """One thing that a process has, and how to set it."""

    value: Any
    set: Callable[[Any], Any]


def process_state() -> dict[str, Part]:
    """What can be read of the process now, by the name that a message gives it.

    Libraries that have not been imported have no part in it, and are not imported for it.
    """
    return dict(part for parts in (_python, _numpy, _scikit_learn, _torch, _numba, _libraries) for part in parts())


def changes(before: Mapping[str, Part], after: Mapping[str, Part]) -> list[str]:
    """Names of what is there in both states, with another value."""
    return [name for name, part in before.items() if name in after and after[name].value != part.value]


@contextmanager
def unchanged_process() -> Iterator[None]:
    """Put back what the code inside changes of the process, however it ends.

    That is: numbers of threads (torch, OpenMP, BLAS, numba), global random generators, torch's defaults and flags,
    NumPy's error handling, scikit-learn's configuration, warning filters, locale, environment, working directory,
    handlers of signals, and where modules are looked for. A library that is imported inside keeps what it is then.
    """
    before = process_state()
    try:
        yield
    finally:
        for name in changes(before, process_state()):
            before[name].set(before[name].value)


def threads_in_use() -> int:
    """The largest number of threads that torch, or a library for OpenMP or BLAS, may use now."""
    torch = sys.modules.get("torch")
    libraries = [library.num_threads for library in ThreadpoolController().lib_controllers]
    return max([torch.get_num_threads() if torch else 1, *libraries])


def _python() -> Iterator[tuple[str, Part]]:
    yield "the generator of `random`", Part(random.getstate(), random.setstate)
    yield "the warning filters", Part(list(warnings.filters), _set_filters)
    yield "the locale", Part(locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value))
    yield "os.environ", Part(dict(os.environ), _set_environment)
    yield "the working directory", Part(_working_directory(), os.chdir)
    yield "sys.path", Part(list(sys.path), lambda value: sys.path.__setitem__(slice(None), value))
    if threading.current_thread() is threading.main_thread():  # no other thread may set them
        for number in signal.Signals:
            handler = signal.getsignal(number)
            if handler is not None:  # None: not Python's, and nothing that Python could set again
                yield f"the handler of {number.name}", Part(handler, _handler_setter(number))


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # deleted
        return None


def _handler_setter(number: int) -> Callable[[Any], Any]:
    return lambda handler: signal.signal(number, handler)


def _set_filters(value: list[Any]) -> None:
    warnings.filters[:] = value
    with warnings.catch_warnings():  # entered and left, it tells the interpreter that the filters are others
        pass


def _set_environment(value: dict[str, str]) -> None:
    for name in os.environ.keys() - value.keys():
        del os.environ[name]
    os.environ.update({name: text for name, text in value.items() if os.environ.get(name) != text})


def _numpy() -> Iterator[tuple[str, Part]]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    yield "NumPy's global generator", Part((kind, keys.tobytes(), *rest), _set_numpy_generator)
    yield "NumPy's error handling", Part(np.geterr(), lambda value: np.seterr(**value))


def _set_numpy_generator(value: tuple[Any, ...]) -> None:
    kind, keys, *rest = value
    np.random.set_state((kind, np.frombuffer(keys, dtype=np.uint32), *rest))  # noqa: NPY002


def _scikit_learn() -> Iterator[tuple[str, Part]]:
    if sklearn := sys.modules.get("sklearn"):
        yield "scikit-learn's configuration", Part(sklearn.get_config(), lambda value: sklearn.set_config(**value))


def _torch() -> Iterator[tuple[str, Part]]:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    yield "torch's number of threads", Part(torch.get_num_threads(), torch.set_num_threads)
    yield "torch's number of threads between operators", Part(torch.get_num_interop_threads(), _set_interop_threads)
    yield "torch's global generator", Part(torch.get_rng_state().numpy().tobytes(), _set_torch_generator)
    if torch.cuda.is_initialized():
        for number in range(torch.cuda.device_count()):
            seed = torch.cuda.get_rng_state(number).numpy().tobytes()
            yield f"the global generator of cuda:{number}", Part(seed, _cuda_generator_setter(number))
    yield "torch's default dtype", Part(torch.get_default_dtype(), torch.set_default_dtype)
    device = torch.get_default_device()
    yield "torch's default device", Part(device, torch.set_default_device)
    yield "torch's gradients", Part(torch.is_grad_enabled(), torch.set_grad_enabled)
    deterministic = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    yield "torch's deterministic algorithms", Part(deterministic, _set_deterministic)
    cudnn = torch.backends.cudnn
    yield "torch's flags of cuDNN", Part((cudnn.benchmark, cudnn.deterministic), _set_cudnn)
    precision = torch.get_float32_matmul_precision()
    yield "torch's precision of products", Part(precision, torch.set_float32_matmul_precision)


def _set_interop_threads(value: int) -> None:
    with suppress(RuntimeError):  # torch takes their number once in a process
        sys.modules["torch"].set_num_interop_threads(value)


def _set_torch_generator(value: bytes) -> None:
    torch = sys.modules["torch"]
    torch.set_rng_state(torch.frombuffer(bytearray(value), dtype=torch.uint8))


def _cuda_generator_setter(number: int) -> Callable[[bytes], Any]:
    torch = sys.modules["torch"]
    return lambda value: torch.cuda.set_rng_state(torch.frombuffer(bytearray(value), dtype=torch.uint8), number)


def _set_deterministic(value: tuple[bool, bool]) -> None:
    sys.modules["torch"].use_deterministic_algorithms(value[0], warn_only=value[1])


def _set_cudnn(value: tuple[bool, bool]) -> None:
    cudnn = sys.modules["torch"].backends.cudnn
    cudnn.benchmark, cudnn.deterministic = value


def _numba() -> Iterator[tuple[str, Part]]:
    """Only once its threads are there: asking for their number would start them."""
    parallel = sys.modules.get("numba.np.ufunc.parallel")
    if getattr(parallel, "_is_initialized", False):
        yield "numba's number of threads", Part(parallel.get_num_threads(), parallel.set_num_threads)


def _libraries() -> Iterator[tuple[str, Part]]:
    for library in ThreadpoolController().lib_controllers:
        name = f"the number of threads of {Path(library.filepath).name}"
        yield name, Part(library.num_threads, library.set_num_threads)
