"""An S3 bucket, or a prefix in one, as a remote; no other package uses the SDK."""

from pipelines.remotes.s3.client import MULTIPART, PART_SIZE, Options
from pipelines.remotes.s3.versions import S3Remote

__all__ = ["MULTIPART", "PART_SIZE", "Options", "S3Remote"]
