"""A gzip stream, unpacked; what lies behind its end is counted, not mistaken for damage."""

import io
import zlib

MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 22
GZIP = zlib.MAX_WBITS | 16
"""Tells zlib to expect gzip's header, and to check its length and checksum."""


class Gunzip(io.RawIOBase):
    """The unpacked bytes of a gzip file, of all its members one after the other.

    Args:
        file: at the beginning of the first member.

    `behind` is, once all was read, how many bytes behind the last member are no gzip stream; zeros are padding and do
    not count. Reading raises `EOFError` where the stream ends too early, `zlib.error` where it is damaged.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._again = b""
        self._member = zlib.decompressobj(GZIP)
        self._ended = False
        self.behind = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override] # the buffers that are used here
        """Fill a buffer as far as one piece goes; 0 at the end."""
        data = b""
        while not data and not self._ended:
            if self._member.eof:
                self._next_member()
                continue
            packed = self._member.unconsumed_tail or self._again or self._file.read(CHUNK_BYTES)
            self._again = b""
            if not packed:
                raise EOFError("its gzip stream ends too early")
            data = self._member.decompress(packed, len(target))
        target[: len(data)] = data
        return len(data)

    def _next_member(self) -> None:
        rest = self._member.unused_data
        while not (rest := rest.lstrip(b"\0")) and (more := self._file.read(CHUNK_BYTES)):
            rest = more
        rest += self._file.read(len(MAGIC)) if len(rest) == 1 else b""
        if rest.startswith(MAGIC):
            self._member = zlib.decompressobj(GZIP)
            self._again = rest
            return
        self._ended = True
        self.behind = len(rest) + sum(len(piece) for piece in iter(lambda: self._file.read(CHUNK_BYTES), b""))
