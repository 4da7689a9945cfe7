"""Map errors of S3 servers and of the SDK to errors for the user: one line, and a hint.

A server's message can contain anything, even the credentials that were sent to it: only its code is
reported, and only if it looks like one.
"""

from __future__ import annotations

import re
from typing import Final

from botocore import exceptions as sdk

from pipelines.outcomes.errors import Conflict, Denied, NotFound, StorageError, Unavailable

RESUME: Final = "Run the same command again: it goes on where this one stopped"
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
ELSEWHERE: Final = "the bucket is in another region"
SET_REGION: Final = "Set AWS_REGION to the region of the bucket, or give the right --endpoint-url"


class Unsatisfiable(NotFound):
    """An object does not have the requested range."""


#: Codes that are more exact than their HTTP status: their meaning, and how to fix it.
_CODES: Final[dict[str, tuple[type[StorageError], str, str]]] = {
    "InvalidAccessKeyId": (Denied, "the access key is not known", "Check the credentials"),
    "InvalidToken": (Denied, "the session token is not valid", "Check the credentials"),
    "SignatureDoesNotMatch": (Denied, "the secret key is wrong", "Check the credentials"),
    "ExpiredToken": (Denied, "the credentials have expired", f"Renew them. {RESUME}"),
    "ExpiredTokenException": (Denied, "the credentials have expired", f"Renew them. {RESUME}"),
    "RequestTimeTooSkewed": (Denied, "this machine's clock is wrong", f"Set it. {RESUME}"),
    "RequestExpired": (Denied, "this machine's clock is wrong", f"Set it. {RESUME}"),
    "PermanentRedirect": (Unavailable, ELSEWHERE, SET_REGION),
    "AuthorizationHeaderMalformed": (Unavailable, ELSEWHERE, SET_REGION),
    "IllegalLocationConstraintException": (
        Unavailable, ELSEWHERE, SET_REGION,
    ),
    "InvalidBucketName": (NotFound, "is not a valid bucket name", "Write it as s3://bucket/prefix"),
    "InvalidRange": (Unsatisfiable, "is shorter than it should be", "Look at who writes there"),
}  # fmt: skip
_NO_CREDENTIALS: Final = (
    sdk.NoCredentialsError,
    sdk.PartialCredentialsError,
    sdk.CredentialRetrievalError,
    sdk.ProfileNotFound,
    sdk.TokenRetrievalError,
    sdk.NoAuthTokenError,
    sdk.SSOError,
)
#: Other errors are about settings that the SDK cannot use.
_OF_THE_NETWORK: Final = (
    sdk.ConnectionError,
    sdk.HTTPClientError,
    sdk.IncompleteReadError,
)


def code_of(error: sdk.ClientError) -> str:
    """Return the code of a server's error, or its HTTP status if it has no code."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if _CODE.fullmatch(code) else str(_status(error))


def server_error(error: sdk.ClientError, where: str, bucket: str) -> StorageError | Conflict:
    """Return the error for the user that corresponds to an error of the server.

    Args:
        error: the error of the SDK.
        where: the request, as a user would describe it.
        bucket: its bucket.
    """
    code, status = code_of(error), _status(error)
    if code == "NoSuchBucket":
        hint = "Create it, or check its name, the region and the endpoint"
        return NotFound(f"s3://{bucket}: the bucket does not exist", hint=hint)
    if code in _CODES:
        kind, problem, hint = _CODES[code]
        return kind(f"{where}: {problem}", hint=hint)
    if status == 412:
        return Conflict(f"{where}: already exists, or was changed meanwhile", hint=RESUME)
    if status == 404:
        return NotFound(f"{where}: the remote has no such object", hint="Check the remote's name")
    if status in (401, 403):
        hint = "Check the credentials and their permissions for this bucket"
        return Denied(f"{where}: access denied ({code})", hint=hint)
    if status in (301, 307):
        return Unavailable(f"{where}: {ELSEWHERE}", hint=SET_REGION)
    return Unavailable(f"{where}: the server answered {status} {code}", hint=RESUME)


def sdk_error(error: sdk.BotoCoreError, where: str) -> StorageError:
    """Return the error for the user that corresponds to an error of the SDK without a reply."""
    if isinstance(error, _NO_CREDENTIALS):
        hint = "Give them as the AWS tools take them: AWS_PROFILE, AWS_ACCESS_KEY_ID, a role"
        return Denied(f"{where}: no credentials", hint=hint)
    if isinstance(error, sdk.SSLError):
        hint = "Set the certificates to trust: [remote] ca_bundle in the configuration"
        return Unavailable(f"{where}: the server's certificate is not trusted", hint=hint)
    if isinstance(error, sdk.ParamValidationError):
        return NotFound(
            f"{where}: is not a valid bucket name", hint="Write it as s3://bucket/prefix"
        )
    kind = type(error).__name__
    if not isinstance(error, _OF_THE_NETWORK):
        hint = "Look at AWS_REGION and AWS_PROFILE, and at the configuration of the AWS tools"
        return Unavailable(f"{where}: the SDK's settings cannot be used ({kind})", hint=hint)
    return Unavailable(
        f"{where}: the server does not answer ({kind})",
        hint=f"Check the network and the endpoint. {RESUME}",
    )


def _status(error: sdk.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
