"""Kubernetes manifests for the shards of a fleet: an Indexed Job, and a CronJob.

1. A pod runs one shard and exits with 0 if each repository has a result, even a failure.
   A pod fails only for a problem of its own; the policy lists the exit codes that are retried.
2. The volume claim has the folder of the run and the repositories that its list names by path.
"""

from __future__ import annotations

import json
import re
from typing import Final

from codec.errors import FormatError

#: The path at which the claim is mounted.
MOUNT: Final = "/fleet"
#: The optional Secret with the credentials of git and the remote.
_SECRET: Final = "session-codec"  # noqa: S105 - a name
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_IMAGE: Final = re.compile(r"[A-Za-z0-9][\w.:/@-]*", re.ASCII)
#: Exit codes: bugs and wrong arguments end the job, data and workspaces end the index.
_END_JOB: Final = (2, 30)
_END_INDEX: Final = (1, 10, 11, 12, 20, 22)

_JOB: Final = """\
backoffLimitPerIndex: 2
maxFailedIndexes: {shards}
completionMode: Indexed
completions: {shards}
parallelism: {parallelism}
podFailurePolicy:
  rules:
    - action: Ignore # a node was drained or lost
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
    - action: FailJob # the arguments are not valid, or the folder has no run
      onExitCodes:
        containerName: shard
        operator: In
        values: {end_job}
    - action: FailIndex # another pod would end the same way
      onExitCodes:
        containerName: shard
        operator: In
        values: {end_index}
template:
  metadata:
    labels:
      app.kubernetes.io/name: session-codec
  spec:
    restartPolicy: Never
    automountServiceAccountToken: false
    securityContext:
      runAsNonRoot: true
      runAsUser: 65532
      runAsGroup: 65532
      fsGroup: 65532
      seccompProfile:
        type: RuntimeDefault
    containers:
      - name: shard
        image: {image}
        command: [/bin/sh, -c]
        args:
          - exec session-codec fleet shard "$RUN" --index "$JOB_COMPLETION_INDEX"
        env:
          - name: RUN
            value: {run}
          - name: HOME
            value: /tmp
        envFrom:
          - secretRef:
              name: {secret}
              optional: true
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: [ALL]
        resources:
          requests:
            cpu: "1"
            memory: 512Mi
          limits:
            memory: {memory}Mi
        volumeMounts:
          - name: fleet
            mountPath: {mount}
          - name: tmp
            mountPath: /tmp
    volumes:
      - name: fleet
        persistentVolumeClaim:
          claimName: {claim}
      - name: tmp
        emptyDir: {{}}
"""
_INDEXED: Final = """\
# The claim {claim} is ReadWriteMany and holds the run as {run}. When the job has ended,
# repeat 'session-codec fleet run' with the folder: it collects the results and the tables.
apiVersion: batch/v1
kind: Job
metadata:
  name: session-codec-fleet-{name}
  labels:
    app.kubernetes.io/name: session-codec
spec:
{job}"""
_CRONJOB: Final = """\
# Runs the shards that are left, every night; a finished run ends at once.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: session-codec-fleet-{name}
  labels:
    app.kubernetes.io/name: session-codec
spec:
  schedule: "17 3 * * *"
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 86400
  jobTemplate:
    spec:
{job}"""
#: The number of parallel pods; more would mostly wait for the volume.
_PARALLEL: Final = 100
#: The memory of a pod beside the verb that it runs, in MiB.
_BESIDE: Final = 256


def indexed_job(run: str, shards: int, memory: int, image: str, claim: str) -> bytes:
    """Return the manifest of an Indexed Job with one index for each shard.

    Args:
        run: name of the folder of the run below the mount.
        shards: the number of shards.
        memory: the memory limit of a verb in MiB.
        image: an image with session-codec.
        claim: name of the volume claim.

    Raises:
        FormatError: Kubernetes does not allow a name.
    """
    return _filled(_INDEXED, 2, run, shards, memory, image, claim)


def cron_job(run: str, shards: int, memory: int, image: str, claim: str) -> bytes:
    """Return the manifest of a CronJob that creates the Indexed Job; see `indexed_job`."""
    return _filled(_CRONJOB, 6, run, shards, memory, image, claim)


def _filled(
    frame: str, indent: int, run: str, shards: int, memory: int, image: str, claim: str
) -> bytes:
    if not _NAME.fullmatch(claim):
        raise FormatError("is not a valid Kubernetes name", field="--claim")
    if not _IMAGE.fullmatch(image):
        raise FormatError("is not a valid container image name", field="--image")
    job = _JOB.format(
        shards=shards,
        parallelism=min(shards, _PARALLEL),
        end_job=list(_END_JOB),
        end_index=list(_END_INDEX),
        image=json.dumps(image),
        run=json.dumps(f"{MOUNT}/{run}".replace("$(", "$$(")),
        secret=_SECRET,
        memory=memory + _BESIDE,
        mount=MOUNT,
        claim=claim,
    )
    indented = "".join(f"{' ' * indent}{line}\n" for line in job.splitlines())
    name = re.sub(r"[^a-z0-9]+", "-", run.lower()).strip("-")[:30].strip("-") or "run"
    return frame.format(name=name, claim=claim, run=f"{MOUNT}/{run}", job=indented).encode()
