"""zstd, where it is installed: the standard library's from Python 3.14 on, ``backports.zstd`` before."""

from __future__ import annotations

import sys
from typing import Any, Final, Protocol, cast

from .reason import Reason, WireError

ZSTD: Final = "zstd"
"""What HELLO calls it."""
WINDOW: Final = 23
"""The most that a window may have, as a power of two: 8 MiB are kept for each message that is being read."""
_LEVEL: Final = 1
"""The fastest of the usual levels: what is compressed within a turn of the loop delays everything else in it."""
_OUR_WINDOW: Final = 20
_SAMPLE: Final = 8192
_PAYS: Final = 0.9
"""What must be left at most, or it is not worth the time."""


class Compressor(Protocol):
    """Compresses one message, a piece at a time."""

    CONTINUE: int
    FLUSH_BLOCK: int

    def compress(self, data: Any, /, mode: int = 0) -> bytes:
        """Take a piece, and return what there is of the output: all with FLUSH_BLOCK, perhaps nothing with CONTINUE."""
        ...

    def flush(self) -> bytes:
        """Return the rest."""
        ...


def can_compress() -> bool:
    """Whether zstd is installed."""
    try:
        _module()
    except ModuleNotFoundError:
        return False
    return True


def compressor() -> Compressor:
    """Return what compresses one message. Raises ModuleNotFoundError, saying what to install."""
    zstd = _module()
    parameters = zstd.CompressionParameter
    options = {parameters.compression_level: _LEVEL, parameters.window_log: _OUR_WINDOW}
    return cast(Compressor, zstd.ZstdCompressor(options=options))


def compressed(data: bytes) -> bytes | None:
    """Return the data, compressed; None if that does not pay."""
    it = compressor()
    made = it.compress(data) + it.flush()
    return made if len(made) < len(data) * _PAYS else None


def is_compressible(data: bytes) -> bool:
    """Whether compressing pays, judged by a sample from the middle: what is compressed already does not shrink."""
    at = max(0, len(data) // 2 - _SAMPLE // 2)
    return compressed(data[at : at + _SAMPLE]) is not None


class Decompressor:
    """Reads one compressed message, a piece at a time, and never more of it than allowed."""

    __slots__ = ("_errors", "_inner")

    def __init__(self) -> None:
        zstd = _module()
        self._inner = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW})
        self._errors = (zstd.ZstdError, EOFError)

    def decompress(self, piece: bytes, most: int) -> bytes:
        """Return what the piece stands for, at most one byte more than ``most``. Raises WireError."""
        try:
            data: bytes = self._inner.decompress(piece, max_length=most + 1)
        except self._errors as error:
            raise WireError(Reason.MALFORMED, f"a message can't be decompressed: {error}") from None
        if self._inner.unused_data:
            raise WireError(Reason.MALFORMED, "bytes follow the end of a compressed message")
        return data

    @property
    def whole(self) -> bool:
        """Whether the end has come."""
        return bool(self._inner.eof)


def _module() -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ModuleNotFoundError:
        raise ModuleNotFoundError("zstd is not installed; install freestone[zstd]") from None
    return zstd
