"""Create a client of the SDK: address, retries, and a counter of requests.

It is botocore's client, as boto3's is: importing boto3 takes a tenth of a second more.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any, Final, NamedTuple

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from codec.errors import FormatError
from pipelines.outcomes.errors import Unavailable
from pipelines.remotes.base import Requests

#: The size from which an object is uploaded in parts, and the size of a part, in bytes.
MULTIPART: Final = 64 << 20
PART_SIZE: Final = 16 << 20
#: The most attempts of a request.
ATTEMPTS: Final = 5
#: Seconds after which a server counts as not responding.
CONNECT_TIMEOUT: Final = 5
READ_TIMEOUT: Final = 60
#: The most requests of the SDK for a bucket's region.
_REDIRECTS: Final = 5
_KINDS: Final = {
    "ListObjectsV2": "LIST",
    "GetObject": "GET",
    "PutObject": "PUT",
    "HeadObject": "HEAD",
    "DeleteObject": "DELETE",
}


class Options(NamedTuple):
    """The options of uploads and connections; None uses the default of the SDK or the bucket.

    Attributes:
        endpoint_url: the address of an S3-compatible server.
        ca_bundle: the path of the certificates to trust.
        storage_class, sse, sse_kms_key: the values that S3 documents under these names.
        retain_until: the time until which objects can be neither changed nor deleted.
        jobs: the number of parallel requests.
        multipart, part_size: the size from which objects are uploaded in parts, and that of a part.
    """

    endpoint_url: str | None = None
    ca_bundle: str | None = None
    storage_class: str | None = None
    sse: str | None = None
    sse_kms_key: str | None = None
    retain_until: datetime | None = None
    jobs: int = 4
    multipart: int = MULTIPART
    part_size: int = PART_SIZE


class LostError(Exception):
    """The SDK repeatedly asks for the bucket's region, and the server does not return it."""


def client_of(options: Options, requests: Requests) -> Any:
    """Return a client of the SDK, which finds credentials in the SDK's own way.

    Args:
        options: the options of the connection.
        requests: counts all requests, retries included.

    Raises:
        FormatError, Unavailable: the settings of the SDK cannot be used.
        BotoCoreError: the same, as the SDK raises it.
    """
    config = Config(
        retries={
            "mode": "standard",
            "total_max_attempts": _attempts(),
        },
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=max(10, 2 * options.jobs),
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if options.endpoint_url else None,
    )
    session = Session()
    try:
        client = session.create_client(
            "s3",
            config=config,
            endpoint_url=options.endpoint_url,
            verify=options.ca_bundle,
            region_name=session.get_config_variable("region") or "us-east-1",
        )
    except ValueError as e:  # it contains the URL, which may contain a password
        if isinstance(e, BotoCoreError):
            raise
        hint = "Check AWS_ENDPOINT_URL and the configuration of the AWS tools"
        raise Unavailable("the SDK was given an invalid endpoint", hint=hint) from None

    def count(event_name: str, **_more: object) -> None:
        operation = event_name.rpartition(".")[2]
        requests.add(_KINDS.get(operation, operation))
        if requests["HeadBucket"] > _REDIRECTS:
            raise LostError

    client.meta.events.register("before-send.s3", count)
    return client


def _attempts() -> int:
    text = os.environ.get("AWS_MAX_ATTEMPTS") or str(ATTEMPTS)
    if not text.isdecimal() or int(text) < 1:
        raise FormatError(
            "is not a whole number above 0", file="the environment", field="AWS_MAX_ATTEMPTS"
        )
    return int(text)
