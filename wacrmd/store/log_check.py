"""Whether the write-ahead log still has all that was committed before the daemon was killed.

SQLite takes the first frame that is not as it was written for the place where a write was cut off, and forgets all that
follows; a log that is gone it does not miss. But the log's index says how many frames were committed, and is right as long
as the machine has not been restarted: a commit is told there when it is in the log. Which run of the machine it was, the
lock file says: no clock tells that, because it may have been set. The formats are described in sqlite.org/walformat.html
and sqlite.org/fileformat2.html#walformat.
"""

import os
import struct
from contextlib import suppress
from operator import mul
from pathlib import Path

from wacrmd.errors import DatabaseContentError

_INDEX_BYTES, _HEADER_BYTES, _LOG_HEADER_BYTES, _FRAME_HEADER_BYTES = 136, 48, 32, 24
_BIG_ENDIAN = 0x377F0683
_MASK = 0xFFFFFFFF
_MAX_LATER = 1 << 16
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

ADVICE = "what was sent last would be sent again. Put it back as it was, or run wacrmd repair"


def check_complete(path: Path) -> None:
    """Raise DatabaseContentError if committed writes are lost with the log.

    Before SQLite opens the file: it begins a new index then, also to read.
    """
    if (missing := lost_writes(path.resolve())) is not None:
        raise DatabaseContentError(f"{missing}: {ADVICE}")


def remember_boot(path: Path) -> None:
    """Say in the lock file, which this process holds, in which run of the machine the index of the log is written."""
    with suppress(OSError):  # as on a full disk: then the index is not believed
        descriptor = os.open(
            _lock_file(path.resolve()), os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        )
        try:
            os.write(descriptor, f"{_boot_id()}\n".encode())
        finally:
            os.close(descriptor)


def _is_same_boot(place: Path) -> bool:
    with suppress(OSError):
        return _lock_file(place).read_text(errors="replace").strip() == _boot_id()
    return False


def _boot_id() -> str:
    """Which run of the machine this is. Raises OSError where nothing tells it."""
    told = os.environ.get("WACRMD_BOOT_ID") or _BOOT_ID.read_text()  # a service may not see all of /proc
    return told.strip().replace("-", "")


def _lock_file(place: Path) -> Path:
    return place.with_name(f"{place.name}.lock")


def lost_writes(place: Path) -> str | None:
    """What has become of the log of the database at `place`, if committed writes are lost with it; None if none are."""
    log, index = (place.with_name(f"{place.name}{end}") for end in ("-wal", "-shm"))
    try:
        if not place.stat().st_size:
            return None  # there is nothing that the writes would belong to
        if not _is_same_boot(place):
            return None  # the index may be older or newer than the log
        with index.open("rb") as file:
            found = file.read(_INDEX_BYTES)
    except OSError:
        return None
    first, second = found[:_HEADER_BYTES], found[_HEADER_BYTES : 2 * _HEADER_BYTES]
    if len(found) < _INDEX_BYTES or first != second or not first[12]:
        return None
    page_bytes, frames = struct.unpack_from("=HI", first, 14)
    (written_back,) = struct.unpack_from("=I", found, 2 * _HEADER_BYTES)
    if written_back >= frames:
        return None
    try:
        whole = _whole_frames(log, first[32:40], 65536 if page_bytes == 1 else page_bytes, frames)
    except FileNotFoundError:
        missing = f"{log} is gone, which had the newest writes"
    except OSError:
        return None  # SQLite cannot read it either, and says why
    else:
        missing = f"{log} is damaged after {whole} of {frames} writes" if whole < frames else ""
    return missing if missing and _is_as(found, index) else None


def _is_as(found: bytes, index: Path) -> bool:
    """Whether the index still begins so: a log in use begins anew at times, and who closes it last removes both."""
    with suppress(OSError), index.open("rb") as file:
        return file.read(_INDEX_BYTES) == found
    return False


def _whole_frames(log: Path, salts: bytes, page_bytes: int, frames: int) -> int:
    """How many of the first frames of the log are as they were written."""
    with log.open("rb") as file:
        header = file.read(_LOG_HEADER_BYTES)
        if len(header) < _LOG_HEADER_BYTES or header[16:24] != salts:
            return frames if _is_later(header[16:20], salts[:4]) else 0
        order = ">" if int.from_bytes(header[:4], "big") == _BIG_ENDIAN else "<"
        state = _Checksum(order, _LOG_HEADER_BYTES - 8).after((0, 0), header[:-8])
        checksum = _Checksum(order, 8 + page_bytes)
        for number in range(frames):
            head, page = file.read(_FRAME_HEADER_BYTES), file.read(page_bytes)
            if len(page) < page_bytes or head[8:16] != salts:
                return number
            state = checksum.after(state, head[:8] + page)
            if state != struct.unpack_from(">II", head, 16):
                return number
    return frames


def _is_later(salt: bytes, known: bytes) -> bool:
    """Whether a log with this salt was begun after the one that is known, whose index is an old one then.

    The first salt is one more each time. That happens on a disk that was unplugged and lost what was not synchronised.
    """
    return len(salt) == len(known) and 0 < int.from_bytes(salt) - int.from_bytes(known) < _MAX_LATER


class _Checksum:
    """The checksum of the log over pieces of one size: a sum of all words, each with its weight."""

    def __init__(self, order: str, size: int) -> None:
        self._words = struct.Struct(f"{order}{size // 4}I")
        pairs = size // 8
        powers = [(1, 0, 0, 1)]  # of the step (a, b) -> (a + b, a + 2b)
        for _ in range(pairs):
            a, b, c, d = powers[-1]
            powers.append(((a + c) & _MASK, (b + d) & _MASK, (a + 2 * c) & _MASK, (b + 2 * d) & _MASK))
        self._whole = powers.pop()
        self._first = [each for a, b, _, _ in reversed(powers) for each in (a + b, b)]
        self._second = [each for _, _, c, d in reversed(powers) for each in (c + d, d)]

    def after(self, state: tuple[int, int], piece: bytes) -> tuple[int, int]:
        """The checksum of what came before and this piece."""
        words = self._words.unpack(piece)
        a, b, c, d = self._whole
        first = a * state[0] + b * state[1] + sum(map(mul, words, self._first))
        second = c * state[0] + d * state[1] + sum(map(mul, words, self._second))
        return first & _MASK, second & _MASK
