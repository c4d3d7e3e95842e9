"""Arrays of numbers in Matlab's format 5. SciPy's reader of it crashes on damaged files, hence this one."""

import math
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

import numpy as np

from jcae.data.formats import LARGEST_MEMBER, DataFormatError

_HEADER = 128  # bytes: text, version and byte order
_LITTLE_ENDIAN = b"\x00\x01IM"
_TYPES = {1: "<i1", 2: "<u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
_NAME, _SHAPE, _FLAGS, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_CLASSES = range(6, 16)  # of numbers; below are cells, structures, objects, text and sparse arrays, above functions
_COMPLEX = 0x08


def read_matlab(content: bytes, where: str) -> dict[str, np.ndarray]:
    """Read the arrays of real numbers of a file; whatever else it holds is passed over.

    Parameters
    ----------
    content : bytes
        A whole file, little-endian, as all that is written today.
    where : str
        Name of the file, for messages.

    Returns
    -------
    dict of str to ndarray
        By the names of the variables. The dtype is that of the file, where Matlab keeps whole numbers in fewer bytes
        than their class has.

    Raises
    ------
    DataFormatError
        Not such a file, damaged or cut off, or a variable that is absurdly large.
    """
    if content[_HEADER - 4 : _HEADER] != _LITTLE_ENDIAN:
        raise DataFormatError(f"{where}: not a file of Matlab's format 5, it begins with {content[:6]!r}")
    arrays = {}
    for kind, body in _elements(memoryview(content)[_HEADER:], where):
        if kind == _COMPRESSED:
            for inner_kind, inner in _elements(_inflated(body, where), where):
                arrays |= _array(inner_kind, inner, where)
        else:
            arrays |= _array(kind, body, where)
    return arrays


def _elements(content: memoryview, where: str) -> Iterator[tuple[int, memoryview]]:
    """Type and content of the elements that follow each other."""
    at = 0
    while at < len(content):
        if len(content) - at < 8:
            raise DataFormatError(f"{where}: cut off, {len(content) - at} bytes instead of the 8 of a tag")
        kind, size = struct.unpack_from("<II", content, at)
        start = at + 8
        if kind >> 16:  # a small element shares the eight bytes of its tag
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
            if size > 4:
                raise DataFormatError(f"{where}: damaged, {size} bytes in an element of 4")
        if start + size > len(content):
            raise DataFormatError(f"{where}: cut off, {len(content) - start} bytes instead of the {size} of an element")
        yield kind, content[start : start + size]
        at = start + size
        if kind != _COMPRESSED:
            at += -at % 8


def _inflated(packed: memoryview, where: str) -> memoryview:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, LARGEST_MEMBER)
    except zlib.error as error:
        raise DataFormatError(f"{where}: damaged variable ({error})") from None
    if not unpacker.eof:
        raise DataFormatError(f"{where}: a variable that is cut off, or has over {LARGEST_MEMBER} bytes")
    return memoryview(content)


def _array(kind: int, content: memoryview, where: str) -> dict[str, np.ndarray]:
    """One variable by its name, or none."""
    if kind != _MATRIX:
        return {}
    parts = list(islice(_elements(content, where), 4))
    if not parts or parts[0][0] != _FLAGS or len(parts[0][1]) != 8:
        raise DataFormatError(f"{where}: damaged, a variable without flags")
    if parts[0][1][0] not in _CLASSES or parts[0][1][1] & _COMPLEX:
        return {}
    if [number for number, _ in parts[1:3]] != [_SHAPE, _NAME] or len(parts) < 4 or len(parts[1][1]) % 4:
        raise DataFormatError(f"{where}: damaged, a variable without shape, name or numbers")
    shape = struct.unpack(f"<{len(parts[1][1]) // 4}i", parts[1][1])
    name = bytes(parts[2][1]).decode("ascii", "replace")
    number, numbers = parts[3]
    if number not in _TYPES:
        raise DataFormatError(f"{where}: {name} has numbers of type {number} (allowed: {', '.join(map(str, _TYPES))})")
    dtype = np.dtype(_TYPES[number])
    if not 2 <= len(shape) <= 8 or min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(numbers):
        raise DataFormatError(f"{where}: {name} has {len(numbers)} bytes of {dtype} for the shape {shape}")
    return {name: np.frombuffer(numbers, dtype).reshape(shape, order="F")}
