"""A gzip or zlib stream, unpacked piece by piece; what lies behind its end is counted, not mistaken for damage."""

import io
import zlib

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.limits import MIB, SURPLUS_BYTES

MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 22
GZIP = zlib.MAX_WBITS | 16
"""Tells zlib to expect gzip's header, and to check its length and checksum."""

ANY = zlib.MAX_WBITS | 32
"""Tells zlib to take its own header as well."""


class Gunzip(io.RawIOBase):
    """The unpacked bytes of a gzip file, of all its members one after the other.

    Args:
        file: at the beginning of the first member.
        kind: `GZIP`, or `ANY`.

    Once all was read, `ended_at` is where in the file the last member ends, and `behind` how many bytes behind it are no
    gzip stream; zeros are padding and do not count. A piece is `CHUNK_BYTES` at most: copying it holds up every other
    thread. Reading raises `EOFError` where the stream ends too early, `zlib.error` where it is damaged.
    """

    def __init__(self, file: io.BufferedReader, kind: int = GZIP) -> None:
        self._file, self._kind = file, kind
        self._again = b""
        self._member = zlib.decompressobj(kind)
        self._ended = False
        self.ended_at = self.behind = 0

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
            data = self._member.decompress(packed, min(len(target), CHUNK_BYTES))
        target[: len(data)] = data
        return len(data)

    def _next_member(self) -> None:
        rest = self._member.unused_data
        self.ended_at = self._file.tell() - len(rest)
        while not (rest := rest.lstrip(b"\0")) and (more := self._file.read(CHUNK_BYTES)):
            rest = more
        rest += self._file.read(len(MAGIC)) if len(rest) == 1 else b""
        if rest.startswith(MAGIC):
            self._member = zlib.decompressobj(self._kind)
            self._again = rest
            return
        self._ended = True
        self.behind = len(rest) + sum(len(piece) for piece in iter(lambda: self._file.read(CHUNK_BYTES), b""))


def read_to_end(stream: "io.BufferedReader | Gunzip") -> int:
    """Read on to the end, which checks a packed stream's checksum; return how many bytes there were.

    Raises:
        StudyError: for more than may lie behind the voxels that a header describes.
    """
    count, buffer = 0, memoryview(bytearray(CHUNK_BYTES))
    while more := stream.readinto(buffer):
        count += more
        if count > SURPLUS_BYTES:
            raise StudyError(
                f"it holds more than {SURPLUS_BYTES // MIB} MiB beyond the voxels that its header describes: damaged, or "
                "made to fill memory? Export it again"
            )
    return count
