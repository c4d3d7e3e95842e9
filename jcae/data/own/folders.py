"""A folder of images: one folder per class, or all in one."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jcae.data.formats import DataError, DataFormatError
from jcae.data.own.loaded import Loaded, room
from jcae.data.own.source import FOLDERS, OwnData
from jcae.files import file_sha256

ENDINGS = (".png", ".jpg", ".jpeg")
MOST_PIXELS = 1 << 26
"""Of one image as it lies in the file: a small file can announce more pixels than memory holds."""
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK")


def images_in(folder: Path, besides: Path | None = None) -> list[Path]:
    """Find the images of a folder.

    Parameters
    ----------
    folder : Path
    besides : Path, optional
        A file that may lie among them: that of the labels.

    Returns
    -------
    list of Path
        Sorted by name, within the folder and one level below it. Names that begin with a dot are passed over.

    Raises
    ------
    DataError
        No images, files of other kinds, deeper folders, or links that lead out of the folder or in circles.
    """
    try:
        files = sorted(_walk(folder, folder.resolve(), 0), key=lambda path: path.relative_to(folder).as_posix())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})") from None
    if besides is not None:
        files = [path for path in files if path.absolute() != besides.absolute()]
    for path in files:
        if path.suffix.lower() not in ENDINGS:
            raise DataFormatError(f"{path}: not an image (allowed: {', '.join(ENDINGS)}, or a name that begins with .)")
    if not files:
        raise DataError(f"{folder}: holds no images (allowed: {', '.join(ENDINGS)})")
    return files


def _walk(folder: Path, root: Path, depth: int) -> Iterator[Path]:
    if depth > 1:
        raise DataError(f"{folder}: a folder in a folder of a class (allowed: one folder per class)")
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            _check_link(path, root)
        if entry.is_dir():
            yield from _walk(path, root, depth + 1)
        else:
            yield path


def _check_link(path: Path, root: Path) -> None:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise DataError(f"{path}: a link that leads nowhere or in a circle") from None
    if not target.is_relative_to(root):
        raise DataError(f"{path}: a link that leads out of {root.name}")
    if target.is_dir():
        raise DataError(f"{path}: a link to a folder, whose images would count twice")


def folder_sha256(folder: Path, besides: Path | None = None) -> str:
    """Checksum of the names and contents of the images of a folder; the errors are those of `images_in`."""
    digest = hashlib.sha256()
    for path in images_in(folder, besides):
        digest.update(
            f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n".encode("utf-8", "surrogateescape")
        )
    return digest.hexdigest()


def read_folder(source: OwnData) -> Loaded:
    """Read a folder of images; values from 0 to 1.

    Parameters
    ----------
    source : OwnData
        `image_shape` says to which size they are brought, and whether in grey or in colour; how transparent a pixel is
        does not count. The truth is "folders" or a file of labels, in the order of the sorted names.

    Returns
    -------
    Loaded

    Raises
    ------
    DataError
        No image shape, images that lie directly in the folder while the folders are the classes, or an image that is
        damaged, cut off, too large, or not of 8 bits per value.
    """
    folder, shape = source.file, source.image_shape
    if shape is None:
        raise DataError(f"{folder}: say image_shape: [height, width] for grey images, [height, width, 3] for colour")
    if source.drop:
        raise DataError(f"{folder}: drop is for tables, and this is a folder of images")
    files = images_in(folder, source.truth_file)
    labels = None
    if source.truth == FOLDERS:
        for path in files:
            if path.parent == folder:
                raise DataError(f"{path}: lies in no folder of a class, but the truth is {FOLDERS}")
        labels = np.array([path.parent.name for path in files])
    elif source.truth is not None and source.truth_file is None:
        raise DataError(f"{folder}: truth {source.truth!r} (allowed: {FOLDERS}, or a file of labels)")
    X = room(len(files), int(np.prod(shape)), np.float32, str(folder))
    for row, path in enumerate(files):
        X[row] = (_pixels(path, shape) / 255).ravel()
    return Loaded(X, labels=labels, image_shape=shape, place=lambda row: str(files[row].relative_to(folder)))


def image_size(path: Path) -> tuple[int, int, bool]:
    """Height, width and whether in colour, from the head of an image; the errors are those of `read_folder`."""
    with _Image(path) as image:
        return image.height, image.width, image.mode in ("RGB", "RGBA", "CMYK", "P", "PA")


def _pixels(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    from PIL.Image import Resampling

    with _Image(path) as image:
        changed = image.convert("L" if len(shape) == 2 else "RGB")
        if (changed.height, changed.width) != shape[:2]:
            changed = changed.resize((shape[1], shape[0]), Resampling.BILINEAR)
        return np.asarray(changed, dtype=np.float64)


class _Image:
    """An image that is open; its head is checked before a pixel is decoded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self):
        from PIL import Image

        try:
            self._image = Image.open(self.path, formats=("PNG", "JPEG"))
        except Exception as error:  # a damaged file makes Pillow raise a dozen kinds, and DecompressionBombError
            raise self._refusal(error) from None
        try:
            self._check()
        except DataError:
            self._image.close()
            raise
        return self._image

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self._image.close()
        if isinstance(error, Exception) and not isinstance(error, DataError):  # as above
            raise self._refusal(error) from None

    def _check(self) -> None:
        image = self._image
        if image.width * image.height > MOST_PIXELS:
            raise DataFormatError(f"{self.path}: {image.width} x {image.height} pixels, over {MOST_PIXELS}")
        if image.mode not in _MODES:
            raise DataFormatError(f"{self.path}: pixels of kind {image.mode} (allowed: 8 bits per value)")

    def _refusal(self, error: Exception) -> DataError:
        if isinstance(error, FileNotFoundError | PermissionError):
            return DataError(f"{self.path}: cannot be read ({error.strerror})")
        return DataFormatError(f"{self.path}: not an image, or damaged or cut off ({error})")
