"""An S3 bucket, or a prefix in one, as a remote.

1. An object is uploaded by one PUT with `If-None-Match: *` and its SHA-256. A large object is
   uploaded in parts; a failed upload is aborted, an interrupted one is continued.
2. Servers differ. An upload is verified by the ETag if that is the MD5, else by the SHA-256 that
   the server states, else by reading it back. A server may send more than the requested range. The
   version of each read is checked here as well.
3. The SDK retries temporary errors that it knows: 5xx, throttling, connections. Others are retried
   here: 409 of a conditional PUT, a wrong checksum, a body that broke off.
4. An error states the code of the server and never its message, which may contain anything.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

from botocore import exceptions as sdk

from codec.errors import IntegrityError
from codec.kinds import ObjectName
from pipelines.outcomes.errors import Conflict, NotFound, Unavailable
from pipelines.remotes.base import BLOCK, Content, Part, Requests, Stored, changed, check_same
from pipelines.remotes.s3.body import Body
from pipelines.remotes.s3.client import LostError, Options, client_of
from pipelines.remotes.s3.errors import (
    ELSEWHERE,
    RESUME,
    SET_REGION,
    Unsatisfiable,
    code_of,
    sdk_error,
    server_error,
)
from pipelines.remotes.s3.parts import (
    abort_all,
    b64,
    begun,
    etag_of,
    is_proved,
    is_sealed,
    send_parts,
)
from pipelines.remotes.s3.retry import PASSES, AgainError, again

#: The largest number of parts of an object.
_PARTS_LIMIT: Final = 10_000
_RANGE = re.compile(r"bytes (?P<start>\d+)-(?P<end>\d+)/(?P<size>\d+)", re.ASCII)
#: Codes of servers that do not support a request.
UNKNOWN: Final = frozenset(("501", "NotImplemented"))
_PARTIAL: Final = 206


class S3Objects:
    """The objects of a bucket or a prefix: list, read, upload."""

    def __init__(self, bucket: str, prefix: str, options: Options) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self.requests = Requests()
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._options = options
        self._conditional = True
        with self._said():
            self._client = client_of(options, self.requests)

    def list_all(self) -> list[Stored]:
        """Return all objects by name; a request lists a thousand."""

        def once() -> list[Stored]:
            with self._said():
                pages = self._client.get_paginator("list_objects_v2").paginate(
                    Bucket=self._bucket, Prefix=self._prefix
                )
                return [
                    Stored(o["Key"][len(self._prefix) :], o["Size"], o["LastModified"].timestamp())
                    for page in pages
                    for o in page.get("Contents", ())
                ]

        return sorted(again(once))

    def read(self, name: ObjectName, offset: int, size: int, version: str | None = None) -> Part:
        """Return a range of an object."""
        asked = f"bytes={offset}-{offset + size - 1}"
        return again(lambda: self._part(name, asked, version, lambda _: (offset, size)))

    def read_end(self, name: ObjectName, size: int) -> Part:
        """Return the last bytes of an object."""

        def wanted(total: int) -> tuple[int, int]:
            return max(0, total - size), size

        try:
            return again(lambda: self._part(name, f"bytes=-{size}", None, wanted))
        except Unsatisfiable:  # fewer exist: servers should send them all, but not all do
            return again(lambda: self._part(name, None, None, wanted))

    def _part(
        self,
        name: ObjectName,
        asked: str | None,
        version: str | None,
        wanted: Callable[[int], tuple[int, int]],
    ) -> Part:
        """Return the wanted part of an object of any size from one request."""
        with self._got(name, asked, version) as (body, start, reply):
            total = _total(reply)
            offset, size = wanted(total)
            size = max(0, min(size, total - offset))
            body.skip(offset - start)
            data = body.read(size)
            while len(data) < size:
                data += body.read(size - len(data))
            return Part(data, total, reply["ETag"])

    def copy(self, name: ObjectName, write: Callable[[bytes], object]) -> int:
        """Pass a whole object to `write`; if it breaks off, the rest is requested."""
        done = 0
        version: str | None = None

        def rest() -> int:
            nonlocal done, version
            asked = f"bytes={done}-" if done else None
            with self._got(name, asked, version) as (body, start, reply):
                version = reply["ETag"]
                body.skip(done - start)
                while done < _total(reply):
                    block = body.read(BLOCK)
                    write(block)
                    done += len(block)
            return done

        return again(rest)

    @contextmanager
    def _got(
        self, name: ObjectName, asked: str | None, version: str | None
    ) -> Iterator[tuple[Body, int, dict[str, Any]]]:
        """Yield the body of an object, the offset of its first byte, and the reply's headers."""
        more = {k: v for k, v in (("Range", asked), ("IfMatch", version)) if v is not None}
        with self._said(name):
            reply = self._client.get_object(
                Bucket=self._bucket, Key=self._key(name), **more, **self._which(name)
            )
        with closing(reply["Body"]) as body:
            if version is not None and reply["ETag"] != version:  # the server ignores IfMatch
                raise Conflict(f"{self.url}/{name} changed while it was read", hint=RESUME)
            m = _RANGE.fullmatch(reply.get("ContentRange") or "")
            if m is None and reply["ResponseMetadata"]["HTTPStatusCode"] == _PARTIAL:
                problem = f"{self.url}/{name}: the server gave a part and did not say which"
                raise AgainError(Unavailable(problem, hint=RESUME))
            yield Body(body, f"{self.url}/{name}"), int(m["start"]) if m else 0, reply

    def _which(self, _name: ObjectName) -> dict[str, str]:
        """Return the parameters that select the newest version of an object."""
        return {}

    def put(self, name: ObjectName, content: Content) -> bool:
        """Upload an object unless its name is taken; return False if it existed already."""
        send = self._put_parts if content.size > self._options.multipart else self._put_whole
        overwrite = False

        def once() -> bool:
            nonlocal overwrite
            is_new = True
            try:
                with self._said(name):
                    proved = send(name, content, overwrite)
            except Conflict:
                is_new = False
                proved = not content.exact
            if not proved:
                try:
                    check_same(self, name, content.size, content.sha256)
                except NotFound as e:  # it is gone: another machine was uploading it and gave up
                    raise AgainError(e) from None
                except IntegrityError as e:
                    if not is_new:
                        raise
                    overwrite = True  # it is our own, and differs from what was sent
                    raise AgainError(e) from None
            return is_new

        return again(once)

    def _put_whole(self, name: ObjectName, content: Content, overwrite: bool) -> bool:
        """Send one PUT; return True if the reply proves that the bytes arrived."""
        with content.open() as f:
            data = f.read(content.size + 1)  # the bytes that are hashed are sent
        if hashlib.sha256(data).hexdigest() != content.sha256:
            raise changed(f"{self.url}/{name}")
        sha256 = b64(bytes.fromhex(content.sha256))
        reply = self._unless_there(
            overwrite,
            self._client.put_object,
            Bucket=self._bucket,
            Key=self._key(name),
            Body=data,
            ChecksumAlgorithm="SHA256",  # servers require it for retained objects
            ChecksumSHA256=sha256,
            **self._attributes(),
        )
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return is_proved(reply, md5, sha256)

    def _unless_there(self, overwrite: bool, call: Callable[..., Any], **more: Any) -> Any:
        """Send a request that fails if the object exists, if the server supports that."""
        if not overwrite and self._conditional:
            try:
                return call(**more, IfNoneMatch="*")
            except sdk.ClientError as e:
                if code_of(e) not in UNKNOWN:
                    raise
                self._conditional = False
        return call(**more)

    def _put_parts(self, name: ObjectName, content: Content, overwrite: bool) -> bool:
        """Upload an object in parts; return True if the replies prove that it arrived."""
        where = {"Bucket": self._bucket, "Key": self._key(name)}
        upload, there = begun(self._client, where)
        strays = False
        if upload is None:
            created = self._client.create_multipart_upload(
                **where, ChecksumAlgorithm="SHA256", **self._attributes()
            )
            upload = created["UploadId"]
            strays = created["ResponseMetadata"]["RetryAttempts"] > 0
        at = {**where, "UploadId": upload}
        try:
            size = max(self._options.part_size, -(-content.size // _PARTS_LIMIT))
            sent, sha256 = send_parts(self._client, at, content, size, there, self._options.jobs)
            if sha256 != content.sha256:
                raise changed(f"{self.url}/{name}")
            reply = self._unless_there(
                overwrite,
                self._client.complete_multipart_upload,
                **at,
                MultipartUpload={"Parts": [part.fields for part in sent]},
            )
        except BaseException as e:
            if isinstance(e, sdk.ClientError) and code_of(e) == "NoSuchUpload":
                return False  # completed by our own repeated request, or by another machine
            # The failure is reported; the next run continues an unfinished upload.
            with suppress(sdk.ClientError, sdk.BotoCoreError):
                self._client.abort_multipart_upload(**at)
            raise
        if strays:  # a reply was lost, and with it the id of an upload
            abort_all(self._client, where)
        if reply["ETag"].strip('"') == etag_of(sent):
            return True
        return is_sealed(reply) and all(part.proved for part in sent)

    def _attributes(self) -> dict[str, Any]:
        """Return the storage attributes of uploads."""
        options = self._options
        named = {
            "StorageClass": options.storage_class,
            "ServerSideEncryption": options.sse,
            "SSEKMSKeyId": options.sse_kms_key,
            "ObjectLockMode": "GOVERNANCE" if options.retain_until else None,
            "ObjectLockRetainUntilDate": options.retain_until,
        }
        return {name: value for name, value in named.items() if value is not None}

    def _key(self, name: ObjectName) -> str:
        return self._prefix + name

    @contextmanager
    def _said(self, name: ObjectName | None = None) -> Iterator[None]:
        """Map the SDK's errors to errors for the user."""
        where = f"{self.url}/{name}" if name else self.url
        try:
            yield
        except sdk.ClientError as e:
            error = server_error(e, where, self._bucket)
            raise (AgainError(error) if code_of(e) in PASSES else error) from None
        except sdk.BotoCoreError as e:
            raise sdk_error(e, where) from None
        except LostError:
            raise Unavailable(f"{where}: {ELSEWHERE}", hint=SET_REGION) from None


def _total(reply: dict[str, Any]) -> int:
    """Return the size of a whole object from a reply with all or a part of it."""
    m = _RANGE.fullmatch(reply.get("ContentRange") or "")
    return int(m["size"] if m else reply["ContentLength"])
