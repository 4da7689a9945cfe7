"""The result of a verification as SARIF 2.1.0, which code hosts show next to the lines."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import Counter
from typing import Any, Final
from urllib.parse import quote

from pipelines.outcomes.findings import Finding
from pipelines.verification.report import RULES, Verdict
from pipelines.workspace.location import MANIFEST

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: Final = {"finding": "error", "note": "note"}


def sarif_of(verdict: Verdict, *, version: str) -> str:
    """Return a verdict as a SARIF log.

    Args:
        verdict: the verdict to show.
        version: the version of session-codec.
    """
    codes = sorted({f.code for f in verdict.findings})
    seen: Counter[str] = Counter()
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "session-codec",
                        "version": version,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The repository"}}},
                "invocations": [{"executionSuccessful": True, "exitCode": verdict.exit_code}],
                "results": [
                    _result(finding, codes.index(finding.code), verdict.root, seen)
                    for finding in verdict.findings
                ],
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    text = RULES[code]
    return {"id": code, "shortDescription": {"text": text}, "fullDescription": {"text": text}}


def _result(finding: Finding, rule: int, root: str, seen: Counter[str]) -> dict[str, Any]:
    text = finding._replace(file=None, line=None)
    # Hosts show only results with a place.
    place: dict[str, Any] = {
        "artifactLocation": {"uri": _uri(root, finding.file or MANIFEST), "uriBaseId": "SRCROOT"}
    }
    if finding.line:
        place["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.level],
        "message": {"text": str(text)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"sessionCodec/v1": _fingerprint(finding, seen)},
    }


def _uri(root: str, file: str) -> str:
    """Return the URI of a file of the workspace, relative to the repository."""
    path = posixpath.normpath(posixpath.join(root.replace("\\", "/"), file))
    return quote(path.lstrip("/"), safe="/")


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """Return a hash of a finding without its line; equal findings are numbered."""
    what = "\0".join((finding.code, finding.file or "", finding.key or finding.message))
    seen[what] += 1
    data = f"{what}\0{seen[what]}".encode(errors="backslashreplace")
    return hashlib.sha256(data).hexdigest()[:32]
