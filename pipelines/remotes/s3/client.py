"""Make a client of the SDK: address, retries, and a counter of requests.

It is botocore's, which is what boto3's is: importing boto3 for it takes a tenth of a second more.
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

#: Bytes above which an object goes in parts, and those of a part.
MULTIPART: Final = 64 << 20
PART_SIZE: Final = 16 << 20
#: How often something is asked, at the most.
ATTEMPTS: Final = 5
#: Seconds until a server counts as one that does not answer.
CONNECT_TIMEOUT: Final = 5
READ_TIMEOUT: Final = 60
#: How often the SDK may ask for a bucket's region.
_REDIRECTS: Final = 5
_KINDS: Final = {
    "ListObjectsV2": "LIST",
    "GetObject": "GET",
    "PutObject": "PUT",
    "HeadObject": "HEAD",
    "DeleteObject": "DELETE",
}


class Options(NamedTuple):
    """The options of uploads and of the connection; None leaves them to the SDK or the bucket.

    Attributes:
        endpoint_url: the address of an S3-compatible server.
        ca_bundle: path of the certificates to trust.
        storage_class, sse, sse_kms_key: as S3 calls them.
        retain_until: until when an object can be neither changed nor deleted.
        jobs: requests at a time.
        multipart, part_size: bytes above which an object goes in parts, and those of a part.
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
    """The SDK asks for the bucket's region again and again, of a server that does not tell it."""


def client_of(options: Options, requests: Requests) -> Any:
    """Return a client of the SDK, with the SDK's own chain of credentials.

    Args:
        options: how the server is reached.
        requests: counts the requests sent, retries included.

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
    except ValueError as e:  # it has the URL, which may have a password in it
        if isinstance(e, BotoCoreError):
            raise
        hint = "Look at AWS_ENDPOINT_URL and at what the configuration of the AWS tools says"
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
