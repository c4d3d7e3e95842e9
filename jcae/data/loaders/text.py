"""Loaders of documents, and their way from text to numbers. Documents pass one by one and are not held in memory."""

import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from jcae.data.formats import DataError, DataFormatError, read_tar, unpacked

Arrays = tuple[np.ndarray, np.ndarray]

ROOT_TOPICS = ("CCAT", "GCAT", "MCAT", "ECAT")

# The terms of scikit-learn's CountVectorizer: words of two characters and more, in lower case.
_TERM = re.compile(r"\b\w\w+\b")
_NEWSGROUPS_NAME = re.compile(r"20news-bydate-(?:train|test)/([\w.-]+)/([0-9]+)")
_NEWSGROUPS_ORDER_SEED = 42
_REUTERS_ORDER_SEED = 1234
_SEVERAL, _PASSED = -1, -2


def newsgroups(files: Sequence[Path], terms: int = 2000) -> Arrays:
    """20 Newsgroups, by date: one file per message, in one archive; the group is the folder."""
    (archive,) = files
    found = {}
    for name, content in read_tar(archive, _NEWSGROUPS_NAME.fullmatch):
        group, number = _NEWSGROUPS_NAME.fullmatch(name).groups()
        found[name, group, int(number)] = content
    if not found:
        raise DataFormatError(f"{archive}: the archive holds no messages 20news-bydate-train/<group>/<number>")
    # Sorted: archives with the same messages in another order give the same data.
    keys = sorted(found)
    X, _ = tfidf((found[key].decode("latin-1") for key in keys), terms, str(archive))
    order = np.random.RandomState(_NEWSGROUPS_ORDER_SEED).permutation(len(keys))
    return X[order], np.array([group for _, group, _ in keys])[order]


def rcv1(files: Sequence[Path], terms: int = 2000, documents: int = 10000) -> Arrays:
    """RCV1-v2: which document belongs to which topics, and the stemmed words of every document.

    Terms and their frequencies are counted over all documents of exactly one root topic; the first of them are kept.
    """
    topics, *token_files = files
    roots = read_root_topics(topics)
    y = []

    def texts() -> Iterator[str]:
        for file in token_files:
            for number, text in read_tokens(file):
                root = roots.get(number, _SEVERAL)
                if root == _PASSED:
                    raise DataFormatError(f"{file}: document {number} comes a second time")
                if root != _SEVERAL:
                    roots[number] = _PASSED
                    if len(y) < documents:
                        y.append(root)
                    yield text

    X, _ = tfidf(texts(), terms, str(topics.parent), first=documents, scale=math.sqrt(terms))
    if lost := sum(root >= 0 for root in roots.values()):
        raise DataFormatError(f"{topics.parent}: {lost} documents of {topics.name} are in none of the token files")
    order = np.random.RandomState(_REUTERS_ORDER_SEED).permutation(len(y))
    return X[order], np.array(y)[order]


def read_root_topics(file: Path) -> dict[int, int]:
    """Read the root topic of each document.

    Parameters
    ----------
    file : Path
        Gzipped lines ``topic document 1``. A document is listed under its topics and all topics above them.

    Returns
    -------
    dict
        Number of the document -> position in `ROOT_TOPICS`, or -1 for one that is in several.

    Raises
    ------
    DataFormatError
        Another format, or no document.
    """
    code = {topic: i for i, topic in enumerate(ROOT_TOPICS)}
    roots = {}
    for line_number, line in enumerate(_lines(file), 1):
        try:
            topic, number, one = line.split()
            if one != "1":
                raise ValueError(f"third field {one!r}")
            if topic in code:
                root = code[topic]
                roots[int(number)] = root if roots.setdefault(int(number), root) == root else _SEVERAL
        except ValueError as error:
            raise DataFormatError(f"{file}: line {line_number} is not `topic document 1` ({error})") from None
    if not roots:
        raise DataFormatError(f"{file}: no document in any of {', '.join(ROOT_TOPICS)}")
    return roots


def read_tokens(file: Path) -> Iterator[tuple[int, str]]:
    """Read documents of RCV1-v2 one by one.

    Parameters
    ----------
    file : Path
        Gzipped text: ``.I number``, ``.W``, lines of words, an empty line, and so on.

    Yields
    ------
    number : int
    text : str

    Raises
    ------
    DataFormatError
        Another format, cut off, or no document.
    """
    number, text = None, []
    for line_number, line in enumerate(_lines(file), 1):
        if line.startswith(".I"):
            if number is not None:
                yield number, " ".join(text)
            try:
                number, text = int(line[2:]), []
            except ValueError:
                raise DataFormatError(f"{file}: line {line_number} is not `.I number` but {line[:80]!r}") from None
        elif number is None:
            if line.strip():
                raise DataFormatError(f"{file}: line {line_number} comes before any `.I number`: {line[:80]!r}")
        elif (words := line.strip()) not in ("", ".W"):
            text.append(words)
    if number is None:
        raise DataFormatError(f"{file}: no document")
    yield number, " ".join(text)


def tfidf(
    documents: Iterable[str], terms: int, where: str, first: int | None = None, scale: float = 1.0
) -> tuple[np.ndarray, list[str]]:
    """Count the most frequent terms and weight them.

    Term t in document i has the weight ``(1 + ln count) * (1 + ln((1 + n) / (1 + n_t)))``, with n documents of which
    n_t have the term; a row is divided by its length. These are the weights of scikit-learn's TfidfTransformer with
    ``sublinear_tf=True``. Of terms that are equally frequent, the first in the alphabet is taken.

    Parameters
    ----------
    documents : iterable of str
        Asked for once.
    terms : int
        Number of terms, the most frequent ones in all documents together.
    where : str
        Name of the documents, for messages.
    first : int, optional
        Documents that get a row; frequencies are those in all documents. Default: every one.
    scale : float
        Every value is multiplied by it.

    Returns
    -------
    X : ndarray, shape (documents with a row, terms), float32
        A document without any of the terms is a row of zeros.
    vocabulary : list of str
        In alphabetical order, which is the order of the columns.

    Raises
    ------
    DataError
        Fewer documents, or fewer different terms, than asked for.
    """
    frequency, document_frequency = Counter(), Counter()
    number: dict[str, int] = {}  # of a term, in order of appearance in the rows that are kept
    rows = []
    n = 0
    for n, text in enumerate(documents, 1):
        counts = Counter(_TERM.findall(text.lower()))
        frequency.update(counts)
        document_frequency.update(counts.keys())
        if first is None or n <= first:
            # Numbers and not words: words of different documents are different objects, each with its own memory.
            ids = [number.setdefault(term, len(number)) for term in counts]
            rows.append((np.array(ids, np.int32), np.array(list(counts.values()), np.int32)))
    if n < (first or 1):
        raise DataError(f"{where}: {n} documents, fewer than {first or 1}")
    if len(frequency) < terms:
        raise DataError(f"{where}: {len(frequency)} different terms, fewer than {terms}")

    vocabulary = sorted(sorted(frequency, key=lambda term: (-frequency[term], term))[:terms])
    idf = [1 + math.log((1 + n) / (1 + document_frequency[term])) for term in vocabulary]
    column = np.full(len(number), -1)
    for j, term in enumerate(vocabulary):
        if term in number:
            column[number[term]] = j
    X = np.zeros((len(rows), terms), np.float32)
    for i, (ids, counts) in enumerate(rows):
        columns = column[ids]
        kept = columns >= 0
        columns = columns[kept]
        # Plain floats and an exact sum: the same digits whatever the processor's vector instructions.
        weights = [(1 + math.log(c)) * idf[j] for j, c in zip(columns.tolist(), counts[kept].tolist(), strict=True)]
        length = math.sqrt(math.fsum(w * w for w in weights))
        X[i, columns] = [scale * w / length for w in weights]
    return X, vocabulary


def _lines(file: Path) -> Iterator[str]:
    """Lines of a gzipped text, one by one."""
    with open(file, "rb") as packed:
        yield from io.TextIOWrapper(unpacked(packed, str(file)), encoding="latin-1")
