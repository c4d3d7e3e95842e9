"""Loader of the Planetoid files, Cora and Citeseer. They are pickles, and nothing is unpickled.

A pickle is a program for a small stack machine, which can import and call anything. The machine here knows what these
files hold and nothing else: numbers, text, lists, arrays, sparse matrices. The names in a file are compared with those
below and never looked up; every other instruction or name ends the reading.
"""

import math
import pickletools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jcae.data.formats import LARGEST_CONTENT, DataFormatError, read_table

_MATRIX = "scipy.sparse.csr csr_matrix"
_MAKE_ARRAY = "numpy.core.multiarray _reconstruct"
_ARRAY = "numpy ndarray"
_TYPE = "numpy dtype"
_GRAPH = "collections defaultdict"
_LIST = "__builtin__ list"
_NAMES = (_MATRIX, _MAKE_ARRAY, _ARRAY, _TYPE, _GRAPH, _LIST)
_TYPES = {"i4": np.dtype("<i4"), "i8": np.dtype("<i8"), "f4": np.dtype("<f4"), "f8": np.dtype("<f8")}
_TYPE_STATE = (3, "<", None, None, None, -1, -1, 0)

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {"BININT", "BININT1", "BININT2", "BINSTRING", "SHORT_BINSTRING"}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Name(str):
    """Of something that a file asks for: a name and no more."""


class _Unfilled:
    """An array or matrix before its contents come."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """The file asks for what these files do not hold; the text says for what."""


def planetoid(files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `allx`, then those of `tx` at the numbers in `test.index`; numbers that are not there are rows of 0."""
    allx, ally, tx, ty, _, index = files
    tests = _test_rows(index)
    rows, test_rows = _matrix(allx), _matrix(tx)
    labels, test_labels = _one_hot(ally), _one_hot(ty)
    first, n = rows.shape[0], int(tests.max()) + 1
    for file, found, needed in ((ally, labels, rows), (tx, test_rows, tests), (ty, test_labels, tests)):
        if found.shape[0] != needed.shape[0]:
            raise DataFormatError(f"{file}: {found.shape[0]} rows (needed: {needed.shape[0]})")
    if tests.min() < first or len(np.unique(tests)) < len(tests):
        raise DataFormatError(f"{index}: rows that come twice or are in {allx.name} (allowed: from {first}, once)")
    if rows.shape[1] != test_rows.shape[1] or labels.shape[1] != test_labels.shape[1]:
        raise DataFormatError(f"{tx}, {ty}: other columns than in {allx.name}, {ally.name}")
    if 4 * n * rows.shape[1] > LARGEST_CONTENT:
        raise DataFormatError(f"{index}: {n} rows of {rows.shape[1]} features are over {LARGEST_CONTENT} bytes")
    X = np.zeros((n, rows.shape[1]), dtype=np.float32)
    X[:first], X[tests] = rows.toarray(), test_rows.toarray()
    y = np.zeros(n, dtype=np.int64)
    y[:first], y[tests] = labels.argmax(axis=1), test_labels.argmax(axis=1)
    return X, y


def planetoid_graph(files: Sequence[Path]) -> Any:
    """The neighbours of every node, without loops and repetitions, in both directions."""
    from scipy import sparse

    from jcae.data.graphs.graph import clean

    *_, file, _ = files
    lists = rebuild(file.read_bytes(), str(file), dict)
    if not lists or list(lists) != list(range(len(lists))):
        raise DataFormatError(f"{file}: not lists of neighbours of nodes 0, 1, 2, ...")
    n = len(lists)
    for node, neighbours in lists.items():
        good = isinstance(neighbours, list) and all(type(other) is int and 0 <= other < n for other in neighbours)
        if not good:
            raise DataFormatError(f"{file}: node {node} has neighbours that are no nodes (allowed: 0 to {n - 1})")
    rows = np.repeat(np.arange(n), [len(neighbours) for neighbours in lists.values()])
    columns = np.array([other for neighbours in lists.values() for other in neighbours], dtype=np.int64)
    return clean(sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n)), str(file))


def _test_rows(file: Path) -> np.ndarray:
    numbers = read_table(file.read_bytes(), str(file), columns=1)[:, 0]
    bad = ~((numbers >= 0) & (numbers < 2**31) & (numbers == np.floor(numbers)))
    if bad.any():
        raise DataFormatError(
            f"{file}: line {int(bad.argmax()) + 1} has {numbers[bad][0]:g} (allowed: numbers of rows)"
        )
    return numbers.astype(np.int64)


def _matrix(file: Path) -> Any:
    from scipy import sparse

    matrix = rebuild(file.read_bytes(), str(file), sparse.csr_array)
    if 4 * math.prod(matrix.shape) > LARGEST_CONTENT:
        raise DataFormatError(f"{file}: a matrix of shape {matrix.shape} is over {LARGEST_CONTENT} bytes")
    return matrix


def _one_hot(file: Path) -> np.ndarray:
    labels = rebuild(file.read_bytes(), str(file), np.ndarray)
    if labels.ndim != 2 or labels.shape[1] == 0:
        raise DataFormatError(f"{file}: labels of shape {labels.shape} instead of (points, classes)")
    bad = ~(((labels == 0) | (labels == 1)).all(axis=1) & ((labels == 1).sum(axis=1) == 1))
    if bad.any():
        raise DataFormatError(f"{file}: row {int(bad.argmax())} is not one 1 among zeros")
    return labels


def rebuild(content: bytes, where: str, kind: type) -> Any:
    """Rebuild what a Planetoid file holds.

    Parameters
    ----------
    content : bytes
        A whole file.
    where : str
        Its name, for messages.
    kind : {ndarray, csr_array, dict}
        What it must hold.

    Returns
    -------
    ndarray, csr_array, or dict
        What it holds; in a dict nothing has been checked but the keys, which are numbers or text.

    Raises
    ------
    DataFormatError
        Cut off or damaged, or an instruction or a name that these files do not have. None has been followed.
    """
    machine = _Machine()
    position = 0
    try:
        for opcode, argument, at in pickletools.genops(content):
            position = at
            machine.step(opcode.name, argument)
        return machine.result(len(content) - 1 - position, kind)
    except _Refused as error:
        raise DataFormatError(f"{where}: byte {position}: {error}") from None
    except (ValueError, OverflowError) as error:  # of genops, DataFormatError of a matrix among them
        raise DataFormatError(f"{where}: not a Planetoid file: after byte {position}: {error}") from None


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # one stack for each mark that is open
        self.memory: dict[int, Any] = {}

    def step(self, instruction: str, argument: Any) -> None:
        """Follow one instruction."""
        push = self.stack.append
        if instruction in _VALUES:
            push(argument)
        elif instruction in _CONSTANTS:
            push(_CONSTANTS[instruction])
        elif instruction in _TUPLES:
            push(tuple(self.pop(_TUPLES[instruction])))
        elif instruction == "EMPTY_LIST":
            push([])
        elif instruction == "EMPTY_DICT":
            push({})
        elif instruction == "MARK":
            self.below.append(self.stack)
            self.stack = []
        elif instruction == "TUPLE":
            values = self.since_mark()
            self.stack.append(tuple(values))
        elif instruction == "APPEND":
            (item,) = self.pop(1)
            self.top(list).append(item)
        elif instruction == "APPENDS":
            items = self.since_mark()
            self.top(list).extend(items)
        elif instruction == "SETITEMS":
            self.set_items(self.since_mark())
        elif instruction in ("BINPUT", "LONG_BINPUT"):
            self.memory[argument] = self.top(object)
        elif instruction in ("BINGET", "LONG_BINGET"):
            self.recall(argument)
        elif instruction == "GLOBAL":
            if argument not in _NAMES:
                raise _Refused(f"the name {argument[:80]!r} (allowed: {', '.join(_NAMES)})")
            push(_Name(argument))
        elif instruction in ("REDUCE", "NEWOBJ"):
            self.make(*self.pop(2))
        elif instruction == "BUILD":
            push(_filled(*self.pop(2)))
        elif not (instruction == "STOP" or (instruction == "PROTO" and argument == 2)):
            raise _Refused(f"the instruction {instruction}, which these files do not have")

    def result(self, rest: int, kind: type) -> Any:
        """Give what remains after the last instruction."""
        if rest or self.below or len(self.stack) != 1:
            raise _Refused(f"an end that leaves {rest} bytes and {len(self.stack)} values")
        return self.top(kind)

    def pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise _Refused(f"{count} values are needed, {len(self.stack)} are there")
        split = len(self.stack) - count
        values, self.stack[split:] = self.stack[split:], []
        return values

    def since_mark(self) -> list[Any]:
        if not self.below:
            raise _Refused("the end of a group without a beginning")
        values, self.stack = self.stack, self.below.pop()
        return values

    def top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise _Refused(f"no {kind.__name__} where one is needed")
        return self.stack[-1]

    def set_items(self, items: list[Any]) -> None:
        target = self.top(dict)
        keys, values = items[::2], items[1::2]
        if len(keys) != len(values) or not all(type(key) in (int, str) for key in keys):
            raise _Refused("a dict whose keys are not numbers or text")
        target.update(zip(keys, values, strict=True))

    def recall(self, number: int) -> None:
        """Only names and types: a list that is recalled many times could be a thousand times as large as its file."""
        value = self.memory.get(number)
        if not isinstance(value, _Name | np.dtype):
            raise _Refused(f"number {number} of the memory, which holds no name or type")
        self.stack.append(value)

    def make(self, name: Any, arguments: Any) -> None:
        """What these files make, without a call: of nothing else is there a rule."""
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise _Refused("the call of something that is not a name")
        if (name, arguments) in ((_MAKE_ARRAY, (_ARRAY, (0,), "b")), (_MATRIX, ())):
            self.stack.append(_Unfilled(name))
        elif name == _TYPE and arguments[1:] == (0, 1) and isinstance(arguments[0], str) and arguments[0] in _TYPES:
            self.stack.append(_TYPES[arguments[0]])
        elif name == _GRAPH and arguments == (_LIST,):
            self.stack.append({})
        else:
            raise _Refused(f"{name} made of what these files do not make it of")


def _filled(target: Any, state: Any) -> Any:
    """An array, a matrix or a type with its contents."""
    if isinstance(target, np.dtype) and state == _TYPE_STATE:
        return target
    if isinstance(target, _Unfilled) and target.kind == _MAKE_ARRAY and isinstance(state, tuple) and len(state) == 5:
        return _array(*state)
    if isinstance(target, _Unfilled) and target.kind == _MATRIX and isinstance(state, dict):
        from jcae.data.graphs.graph import from_arrays

        parts = [state.get(name) for name in ("indptr", "indices", "data")]
        shape = state.get("_shape")
        if all(isinstance(part, np.ndarray) for part in parts) and isinstance(shape, tuple):
            return from_arrays(*parts, shape, "matrix")
    raise _Refused("contents that do not fit what they are for")


def _array(version: Any, shape: Any, dtype: Any, by_columns: Any, content: Any) -> np.ndarray:
    sizes_good = isinstance(shape, tuple) and len(shape) <= 2 and all(type(size) is int and size >= 0 for size in shape)
    if not (version == 1 and sizes_good and isinstance(dtype, np.dtype) and by_columns is False):
        raise _Refused("an array of another kind than in these files")
    if not isinstance(content, str) or len(content) != math.prod(shape) * dtype.itemsize:
        raise _Refused(f"an array of shape {shape}, which its contents do not fill")
    # pickletools gives the bytes of old strings as text of one character each.
    return np.frombuffer(content.encode("latin-1"), dtype).reshape(shape)
