"""Upload an object in parts: find existing parts, send the others, verify all of them."""

from __future__ import annotations

import base64
import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

from botocore import exceptions as sdk

from pipelines.remotes.base import Content

#: The replies of servers that do not list uploads, or not for every user.
_NOT_LISTED: Final = frozenset(("501", "NotImplemented", "AccessDenied"))


class SentPart(NamedTuple):
    """A part's fields for the completing request, its MD5, and whether its arrival is proved."""

    fields: dict[str, Any]
    md5: bytes
    proved: bool


def begun(client: Any, where: Mapping[str, str]) -> tuple[str | None, dict[int, tuple[str, int]]]:
    """Return an unfinished upload of an object: its id, and the ETags and sizes of its parts."""
    with suppress(sdk.ClientError):  # not every server lists them, and not for every user
        for upload in _uploads(client, where):
            pages = client.get_paginator("list_parts").paginate(**where, UploadId=upload)
            found = [part for page in pages for part in page.get("Parts", ())]
            return upload, {p["PartNumber"]: (p["ETag"], p["Size"]) for p in found}
    return None, {}


def abort_all(client: Any, where: Mapping[str, str]) -> None:
    """Abort all uploads of an existing object; a running upload will then find the object."""
    with suppress(sdk.ClientError, sdk.BotoCoreError):
        for upload in _uploads(client, where):
            client.abort_multipart_upload(**where, UploadId=upload)


def abort_before(client: Any, bucket: str, prefix: str, before: datetime) -> list[str]:
    """Below a prefix, abort the uploads older than a time; return the keys of the others."""
    found = []
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    try:
        for page in pages:
            for upload in page.get("Uploads", ()):
                if upload["Initiated"] < before:
                    client.abort_multipart_upload(
                        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
                else:
                    found.append(upload["Key"])
    except sdk.ClientError as e:
        if e.response["Error"]["Code"] not in _NOT_LISTED:
            raise
    return found


def _uploads(client: Any, where: Mapping[str, str]) -> list[str]:
    listed = client.list_multipart_uploads(Bucket=where["Bucket"], Prefix=where["Key"])
    return [u["UploadId"] for u in listed.get("Uploads", ()) if u["Key"] == where["Key"]]


def send_parts(
    client: Any,
    at: Mapping[str, str],
    content: Content,
    size: int,
    there: Mapping[int, tuple[str, int]],
    jobs: int,
) -> tuple[list[SentPart], str]:
    """Send the parts of an object, except those that exist.

    Args:
        client: the client of the SDK.
        at: the bucket, the key and the id of the upload.
        content: the content of the object.
        size: the size of a part in bytes; the last one may be smaller.
        there: the ETags and sizes of existing parts, by number.
        jobs: the number of parallel parts.

    Returns:
        The parts, and the SHA-256 of the whole content, which was read once.
    """

    def send(number: int, data: bytes) -> SentPart:
        md5 = hashlib.md5(data, usedforsecurity=False)
        sha256 = b64(hashlib.sha256(data).digest())
        fields = {"PartNumber": number, "ChecksumSHA256": sha256}
        if there.get(number) == (etag := f'"{md5.hexdigest()}"', len(data)):
            return SentPart({**fields, "ETag": etag}, md5.digest(), True)
        reply = client.upload_part(**at, **fields, Body=data)
        proved = is_proved(reply, md5.hexdigest(), sha256)
        return SentPart({**fields, "ETag": reply["ETag"]}, md5.digest(), proved)

    whole = hashlib.sha256()
    sent: list[SentPart] = []
    waiting: deque[Future[SentPart]] = deque()
    with content.open() as f, ThreadPoolExecutor(jobs) as pool:
        try:
            for number in range(1, -(-content.size // size) + 1):
                data = f.read(size)
                whole.update(data)
                waiting.append(pool.submit(send, number, data))
                if len(waiting) > jobs:
                    sent.append(waiting.popleft().result())
            sent.extend(future.result() for future in waiting)
        finally:
            for future in waiting:
                future.cancel()
    return sent, whole.hexdigest()


def etag_of(sent: Iterable[SentPart]) -> str:
    """Return the ETag of an object that was sent in the given parts."""
    digests = [part.md5 for part in sent]
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False)
    return f"{whole.hexdigest()}-{len(digests)}"


def is_proved(reply: Mapping[str, Any], md5: str, sha256: str) -> bool:
    """Return True if the reply to a put proves that the bytes arrived."""
    if reply["ETag"].strip('"') == md5:
        return True
    return is_sealed(reply) and reply.get("ChecksumSHA256") == sha256


def is_sealed(reply: Mapping[str, Any]) -> bool:
    """Return True if the server's encryption makes the ETag differ from the MD5."""
    return str(reply.get("ServerSideEncryption", "")).startswith("aws:kms")


def b64(digest: bytes) -> str:
    """Return a digest in Base64, as S3 writes it."""
    return base64.b64encode(digest).decode()
