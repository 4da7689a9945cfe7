"""What every remote does, whatever its backend is."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from codec.errors import IntegrityError
from codec.kinds import ObjectName
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.remotes.base import Remote, check_same, content_of
from tests.conformance.conftest import HOSTILE, MULTIPART

A: Final = ObjectName("a")
BIG: Final = ObjectName("large")
DATA = random.Random(1).randbytes(300_000)  # noqa: S311 - bytes that do not compress
LARGE = random.Random(2).randbytes(MULTIPART + 5_000_001)  # noqa: S311 - the same


def whole(remote: Remote, name: ObjectName) -> bytes:
    pieces: list[bytes] = []
    assert remote.copy(name, pieces.append) == sum(map(len, pieces))
    return b"".join(pieces)


def test_an_uploaded_object_is_listed_and_read_back_byte_for_byte(remote: Remote) -> None:
    assert remote.list_all() == []
    assert remote.put(ObjectName("archive/2025-11-abc.tar.zst"), content_of(DATA))
    assert remote.put(ObjectName("snapshot/x"), content_of(b"small"))
    listed = remote.list_all()
    assert [(o.name, o.size) for o in listed] == [
        ("archive/2025-11-abc.tar.zst", len(DATA)),
        ("snapshot/x", 5),
    ]
    assert all(o.modified > 1_600_000_000 for o in listed)
    assert whole(remote, ObjectName("archive/2025-11-abc.tar.zst")) == DATA


def test_one_put_one_list_one_get(remote: Remote) -> None:
    remote.put(A, content_of(DATA))
    assert dict(remote.requests) == {"PUT": 1}
    remote.list_all()
    remote.copy(A, lambda _: None)
    assert dict(remote.requests) == {"PUT": 1, "LIST": 1, "GET": 1}


def test_a_range_has_exactly_the_requested_bytes(remote: Remote) -> None:
    remote.put(A, content_of(DATA))
    part = remote.read(A, 1000, 2000)
    assert (part.data, part.size) == (DATA[1000:3000], len(DATA))
    assert remote.read(A, 0, 1).data == DATA[:1]
    assert remote.read(A, len(DATA) - 7, 7).data == DATA[-7:]
    assert remote.read(A, len(DATA) - 7, 100, part.version).data == DATA[-7:]
    assert remote.requests["GET"] == 4


def test_the_end_is_the_end_however_much_is_asked_for(remote: Remote, kind: str) -> None:
    remote.put(A, content_of(DATA))
    part = remote.read_end(A, 1 << 12)
    assert (part.data, part.size) == (DATA[-4096:], len(DATA))
    assert remote.read_end(A, 1 << 30).data == DATA
    assert remote.requests["GET"] == (3 if kind in HOSTILE else 2)


def test_a_read_that_is_pinned_never_gives_another_version(remote: Remote) -> None:
    remote.put(A, content_of(DATA))
    version = remote.read(A, 0, 10).version
    remote.delete(A)
    remote.put(A, content_of(DATA[::-1]))
    with pytest.raises(Conflict):
        remote.read(A, 0, 10, version)


def test_a_second_put_of_the_same_changes_nothing(remote: Remote, kind: str) -> None:
    assert remote.put(A, content_of(DATA))
    before = remote.list_all()
    if kind not in HOSTILE:
        assert not remote.put(A, content_of(DATA))
        assert remote.list_all() == before
    assert whole(remote, A) == DATA


def test_a_name_that_holds_something_else_is_never_overwritten(remote: Remote, kind: str) -> None:
    if kind in HOSTILE:
        pytest.skip("it ignores the condition: sync puts only what it did not list")
    remote.put(A, content_of(DATA))
    with pytest.raises(IntegrityError, match="does not match its name"):
        remote.put(A, content_of(DATA[::-1]))
    assert whole(remote, A) == DATA


def test_a_large_object_goes_in_parts_and_leaves_none(remote: Remote) -> None:
    content = content_of(LARGE)
    assert remote.put(BIG, content)
    assert [o.size for o in remote.list_all()] == [len(LARGE)]
    check_same(remote, BIG, content.size, content.sha256)
    assert remote.read(BIG, MULTIPART - 10, 20).data == LARGE[MULTIPART - 10 : MULTIPART + 10]
    assert not leftovers(remote)


def test_a_large_object_that_is_there_is_not_put_again(remote: Remote, kind: str) -> None:
    remote.put(BIG, content_of(LARGE))
    if kind not in HOSTILE:
        assert not remote.put(BIG, content_of(LARGE))
        with pytest.raises(IntegrityError, match="does not match its name"):
            remote.put(BIG, content_of(LARGE[::-1]))
    assert hashlib.sha256(whole(remote, BIG)).digest() == hashlib.sha256(LARGE).digest()
    assert not leftovers(remote)


@pytest.mark.parametrize("data", [DATA, LARGE], ids=["whole", "parts"])
def test_content_that_changed_since_planning_is_not_uploaded(remote: Remote, data: bytes) -> None:
    other = bytes([data[0] ^ 1]) + data[1:]
    content = content_of(data)._replace(open=lambda: io.BytesIO(other))
    with pytest.raises(IntegrityError):
        remote.put(A, content)
    assert remote.list_all() == []
    assert not leftovers(remote)
    assert remote.put(A, content_of(data))


def leftovers(remote: Remote) -> list[str]:
    """Parts of uploads that were never ended."""
    client = getattr(remote, "_client", None)
    if client is None:
        return []
    try:
        listed = client.list_multipart_uploads(Bucket=remote.url.split("/")[2])
    except client.exceptions.NoSuchUpload:  # says rclone, where there never was one
        return []
    prefix = remote.url.split("/", 3)[3]
    return [u["Key"] for u in listed.get("Uploads", ()) if u["Key"].startswith(prefix)]


@pytest.mark.parametrize("data", [DATA, LARGE], ids=["whole", "parts"])
def test_two_that_put_the_same_at_once_both_succeed(remote: Remote, data: bytes, kind: str) -> None:
    if kind == "moto" and data is LARGE:
        pytest.skip("moto answers 500 to requests about one upload that cross each other")
    with ThreadPoolExecutor(2) as pool:
        puts = [pool.submit(remote.put, A, content_of(data)) for _ in range(2)]
        for put in puts:
            put.result()
    assert whole(remote, A) == data
    assert not leftovers(remote)


READS: list[Callable[[Remote], object]] = [
    lambda r: r.read(ObjectName("none"), 0, 10),
    lambda r: r.read_end(ObjectName("none"), 10),
    lambda r: r.copy(ObjectName("none"), len),
]


@pytest.mark.parametrize("read", READS, ids=["range", "end", "whole"])
def test_a_missing_object_is_not_found(remote: Remote, read: Callable[[Remote], object]) -> None:
    remote.put(A, content_of(DATA))
    with pytest.raises(NotFound):
        read(remote)


def test_a_deleted_object_is_gone_and_deleting_again_is_not_an_error(remote: Remote) -> None:
    remote.put(ObjectName("x/a"), content_of(DATA))
    remote.put(ObjectName("x/b"), content_of(DATA))
    remote.delete(ObjectName("x/a"))
    remote.delete(ObjectName("x/a"))
    assert [o.name for o in remote.list_all()] == ["x/b"]
    with pytest.raises(NotFound):
        remote.copy(ObjectName("x/a"), len)


def test_more_objects_than_a_page_are_all_listed(remote: Remote, kind: str) -> None:
    if kind not in {"directory", "moto"}:
        pytest.skip("a thousand puts take a server too long")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: remote.put(ObjectName(f"n/{n:04}"), content_of(b"x")), range(1001)))
    assert [o.name for o in remote.list_all()] == [f"n/{n:04}" for n in range(1001)]
