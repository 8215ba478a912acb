"""`Content-Encoding`: gzip within the limit, and clear refusals of everything else."""

import gzip
import random
import time
import tracemalloc
import zlib

import pytest

from tests.support.patience import PATIENCE_S
from wacrmd.errors import ErrorCode, Refusal
from wacrmd.http.body import SMALL_BODY, SentBody
from wacrmd.http.content_coding import MAX_MEMBERS, gunzip, is_gzip, wire_limit

LIMIT = 100_000
TEXT = bytes(range(256)) * 100


def scope(*codings: str) -> dict[str, object]:
    return {"headers": [(b"accept", b"*/*"), *((b"content-encoding", each.encode()) for each in codings)]}


@pytest.mark.parametrize(
    ("codings", "gzipped"),
    [
        ((), False),
        (("",), False),
        (("identity",), False),
        (("Identity , identity",), False),
        (("gzip",), True),
        (("GZip",), True),
        (("x-gzip",), True),
        ((" gzip ,",), True),
        (("identity, gzip",), True),
        (("gzip", "identity"), True),
    ],
)
def test_gzip_and_identity_are_taken(codings: tuple[str, ...], gzipped: bool) -> None:
    assert is_gzip(scope(*codings)) is gzipped


@pytest.mark.parametrize(
    "codings", [("br",), ("deflate",), ("zstd",), ("gzip, gzip",), ("gzip", "br"), ("*",), ("gzip;q=1",)]
)
def test_other_and_stacked_codings_are_refused(codings: tuple[str, ...]) -> None:
    with pytest.raises(Refusal, match="expected gzip or identity, found") as refused:
        is_gzip(scope(*codings))
    assert refused.value.code is ErrorCode.UNSUPPORTED_MEDIA_TYPE
    assert refused.value.headers == {"Accept-Encoding": "gzip, identity"}


def test_a_long_unknown_coding_is_not_repeated_whole() -> None:
    with pytest.raises(Refusal) as refused:
        is_gzip(scope("x" * 5000))
    assert len(refused.value.message) < 200


def with_name_and_comment(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    head = b"\x1f\x8b\x08\x18\0\0\0\0\0\xffname.json\0a comment\0"
    tail = zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little")
    return head + packer.compress(text) + packer.flush() + tail


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(TEXT),
        gzip.compress(TEXT, compresslevel=0),
        gzip.compress(TEXT[:1000]) + gzip.compress(b"") + gzip.compress(TEXT[1000:]),
        b"".join(gzip.compress(TEXT[at : at + 16]) for at in range(0, len(TEXT), 16)),
        with_name_and_comment(TEXT),
    ],
    ids=["one", "stored", "members", "many members", "with a name"],
)
def test_gzip_is_decoded(body: bytes) -> None:
    assert gunzip(body, LIMIT) == TEXT


def test_no_content_is_no_content() -> None:
    assert gunzip(gzip.compress(b""), LIMIT) == b""


def test_the_decoded_size_is_what_the_limit_counts() -> None:
    assert len(gunzip(gzip.compress(b" " * LIMIT), LIMIT)) == LIMIT
    noise = random.Random(1).randbytes(70_000)
    packed = gzip.compress(noise)
    assert len(packed) > len(noise)
    assert len(packed) <= wire_limit(len(noise))
    assert gunzip(packed, len(noise)) == noise
    for over in (
        gzip.compress(b" " * (LIMIT + 1)),
        gzip.compress(b" " * LIMIT) + gzip.compress(b" "),
    ):
        with pytest.raises(Refusal) as refused:
            gunzip(over, LIMIT)
        assert refused.value.code is ErrorCode.PAYLOAD_TOO_LARGE


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(100)) + packer.flush()
    assert len(bomb) < 130_000
    tracemalloc.start()
    try:
        with pytest.raises(Refusal, match="larger than the limit of 1000000 bytes"):
            gunzip(bomb, 1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


def test_a_body_of_empty_members_takes_no_time() -> None:
    body = gzip.compress(b"") * 250_000  # 5 MB
    began = time.process_time()
    with pytest.raises(Refusal, match=f"more than {MAX_MEMBERS} members") as refused:
        gunzip(body, 5_000_000)
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert time.process_time() - began < PATIENCE_S / 10


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x1f",
        gzip.compress(TEXT)[:-1],
        gzip.compress(TEXT)[:300],
        gzip.compress(TEXT) + gzip.compress(TEXT)[:5],
        gzip.compress(TEXT) + b"garbage",
        gzip.compress(TEXT) + b"\0\0\0\0",
        gzip.compress(TEXT)[:-8] + bytes(8),
        b"x" + gzip.compress(TEXT),
        zlib.compress(TEXT),
        b'{"plain": "JSON"}',
    ],
    ids=[
        *("empty", "one byte", "no end", "half", "half a member", "garbage", "zeros", "wrong sum"),
        *("garbage before", "deflate", "no gzip"),
    ],
)
def test_damaged_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="The body is not valid gzip") as refused:
        gunzip(body, LIMIT)
    assert refused.value.code is ErrorCode.BAD_REQUEST


@pytest.mark.parametrize("size", [0, 1, SMALL_BODY, SMALL_BODY + 1, 1_000_000])
@pytest.mark.parametrize("is_gzip", [False, True])
def test_a_body_is_small_by_its_size_when_decoded(size: int, is_gzip: bool) -> None:
    text = b"a" * size
    sent = SentBody(gzip.compress(text) if is_gzip else text, is_gzip, LIMIT)
    assert sent.if_small() == (text if size <= SMALL_BODY else None)


def test_a_small_body_that_is_damaged_or_above_a_small_limit_is_refused_as_any_other() -> None:
    with pytest.raises(Refusal, match="The body is not valid gzip"):
        SentBody(b"no gzip", is_gzip=True, limit=LIMIT).if_small()
    too_large = SentBody(gzip.compress(b"a" * 11), is_gzip=True, limit=10)
    assert too_large.if_small() is None
    with pytest.raises(Refusal) as refused:
        too_large.decoded()
    assert refused.value.code is ErrorCode.PAYLOAD_TOO_LARGE
