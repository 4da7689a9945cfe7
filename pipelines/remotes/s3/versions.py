"""Handle all versions of a bucket's objects, so that a deletion removes every version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore import exceptions as sdk

from codec.kinds import ObjectName
from pipelines.remotes.base import Remote, Stored
from pipelines.remotes.s3.errors import code_of
from pipelines.remotes.s3.parts import abort_all, abort_before
from pipelines.remotes.s3.remote import UNKNOWN, S3Objects
from pipelines.remotes.s3.retry import again

#: The version of an object in a bucket without versions.
_UNVERSIONED: Final = "null"


class S3Remote(S3Objects):
    """A bucket, or a prefix in one, as a remote."""

    def delete(self, name: ObjectName) -> None:
        """Delete an object for good: in all versions, if the bucket keeps them."""
        key = self._key(name)

        def once() -> None:
            with self._said(name):
                versions = self._versions(key)
                for version in versions:
                    if version != _UNVERSIONED:
                        self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version)
                if not versions or _UNVERSIONED in versions:
                    self._client.delete_object(Bucket=self._bucket, Key=key)
                abort_all(self._client, {"Bucket": self._bucket, "Key": key})

        again(once)

    def is_file(self, _name: str, _path: str) -> bool:
        """Return False, because no object is a file."""
        return False

    def hidden(self) -> Sequence[Remote]:
        """Return views of older versions, including those hidden by a delete marker."""
        by_key: dict[str, list[dict[str, Any]]] = {}

        def once() -> None:
            by_key.clear()
            with self._said():
                for version in self._all_versions():
                    if not version["IsLatest"]:
                        by_key.setdefault(version["Key"], []).append(version)

        again(once)
        count = max(map(len, by_key.values()), default=0)
        return [
            S3Hidden(self, [found[i] for found in by_key.values() if len(found) > i])
            for i in range(count)
        ]

    def _all_versions(self) -> Iterator[dict[str, Any]]:
        """Yield all versions of all objects, if the server keeps versions."""
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            for page in pages:
                yield from page.get("Versions", ())
        except sdk.ClientError as e:
            if code_of(e) not in UNKNOWN:
                raise

    def unreadable(self) -> list[str]:
        """Return no names, because nothing is encrypted here."""
        return []

    def remove_unfinished(self, age: float) -> list[str]:
        """Abort multipart uploads that were never completed; return the names of younger ones."""
        before = datetime.now(UTC) - timedelta(seconds=age)

        def once() -> list[str]:
            with self._said():
                keys = abort_before(self._client, self._bucket, self._prefix, before)
            return [key[len(self._prefix) :] for key in keys]

        return again(once)

    def _versions(self, key: str) -> list[str]:
        """Return the versions of an object and its delete markers, if the server has versions."""
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=key
            )
            return [
                v.get("VersionId", _UNVERSIONED)
                for page in pages
                for v in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                if v["Key"] == key
            ]
        except sdk.ClientError as e:
            if code_of(e) in UNKNOWN:
                return []
            raise


class S3Hidden(S3Objects):
    """A view of versions that listings omit, one version of each object."""

    def __init__(self, remote: S3Objects, versions: Sequence[Mapping[str, Any]]) -> None:
        vars(self).update(vars(remote))
        self._found = {v["Key"][len(self._prefix) :]: v for v in versions}

    def list_all(self) -> list[Stored]:
        """Return the objects that have a version in this view, by name."""
        return sorted(
            Stored(name, v["Size"], v["LastModified"].timestamp())
            for name, v in self._found.items()
        )

    def _which(self, name: ObjectName) -> dict[str, str]:
        return {"VersionId": self._found[name]["VersionId"]}

    def delete(self, name: ObjectName) -> None:
        """Delete only this version, for good."""

        def once() -> None:
            with self._said(name):
                self._client.delete_object(
                    Bucket=self._bucket, Key=self._key(name), **self._which(name)
                )

        again(once)

    def is_file(self, _name: str, _path: str) -> bool:
        """Return False, because no object is a file."""
        return False

    def hidden(self) -> Sequence[Remote]:
        """Return no views, because this is a view itself."""
        return ()

    def unreadable(self) -> list[str]:
        """Return no names, because nothing is encrypted here."""
        return []

    def remove_unfinished(self, _age: float) -> list[str]:
        """Return no names, because versions are complete."""
        return []
