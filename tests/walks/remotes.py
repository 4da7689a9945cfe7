"""The remotes that a walk uses: a plain directory, an encrypted one, and a versioned bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import boto3
import pyrage

from tests.support.servers import ENVIRONMENT, Server
from tests.walks.unpacking import files_below


class WalkRemote(Protocol):
    """A remote, as the command line names it and as an intruder would read it."""

    kind: str

    def read_options(self) -> list[str]:
        """Return the options of a verb that reads from it."""

    def write_options(self) -> list[str]:
        """Return the options of a verb that writes to it."""

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """Yield every object that still exists, in every version, decrypted."""


class DirectoryFolder:
    """A directory."""

    kind = "directory"

    def __init__(self, base: Path) -> None:
        self._folder = base / "remote"
        self._folder.mkdir()

    def read_options(self) -> list[str]:
        return ["--remote", str(self._folder)]

    def write_options(self) -> list[str]:
        return self.read_options()

    def objects(self) -> Iterator[tuple[str, bytes]]:
        yield from files_below(self._folder)


class EncryptedFolder(DirectoryFolder):
    """A directory whose objects are encrypted for one age identity."""

    kind = "encrypted"

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self._identity = pyrage.x25519.Identity.generate()
        self._file = base / "identity"
        self._file.write_text(f"{self._identity}\n")
        self._file.chmod(0o600)

    def read_options(self) -> list[str]:
        return [*super().read_options(), "--identity", str(self._file)]

    def write_options(self) -> list[str]:
        return [*self.read_options(), "--encrypt-to", str(self._identity.to_public())]

    def objects(self) -> Iterator[tuple[str, bytes]]:
        for name, data in super().objects():
            try:
                yield name, pyrage.decrypt(data, [self._identity])
            except pyrage.DecryptError:
                yield name, data


class VersionedBucket:
    """A bucket that keeps old versions behind delete markers."""

    kind = "versioned"

    def __init__(self, server: Server) -> None:
        os.environ.update(ENVIRONMENT)
        self._endpoint = server.endpoint
        self._client: Any = boto3.client("s3", endpoint_url=server.endpoint)
        self._bucket = f"walk-{uuid4().hex[:12]}"
        self._client.create_bucket(Bucket=self._bucket)
        self._client.put_bucket_versioning(
            Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def read_options(self) -> list[str]:
        return ["--remote", f"s3://{self._bucket}/walk", "--endpoint-url", self._endpoint]

    def write_options(self) -> list[str]:
        return self.read_options()

    def objects(self) -> Iterator[tuple[str, bytes]]:
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket)
        for page in pages:
            for version in page.get("Versions", ()):
                name, number = version["Key"], version["VersionId"]
                got = self._client.get_object(Bucket=self._bucket, Key=name, VersionId=number)
                yield f"{name}@{number}", got["Body"].read()
