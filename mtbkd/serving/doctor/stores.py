"""Where results go without a shared disk: is the store there, and may a run write to it?"""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from mtbkd.serving.doctor.executors import EXAMPLES
from mtbkd.serving.doctor.finding import PATIENCE, Asked, Finding
from mtbkd.serving.doctor.folders import refusal

KEYS = ("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "SNAKEMAKE_STORAGE_S3_SECRET_KEY")


def storage(asked: Asked) -> Finding | None:
    """Credentials of the object store and a file written to it, or the folder that stands for it."""
    provider, prefix = asked.profile.get("default-storage-provider"), str(asked.profile.get("default-storage-prefix", ""))
    if provider == "s3":
        if missing := [name for name in KEYS if not os.environ.get(name)]:
            return Finding("credentials", "fails", f"not set: {', '.join(missing)}", "export them in this shell")
        return _bucket(prefix, asked.profile)
    if provider == "fs" and prefix:
        wrong = refusal(Path(prefix))
        return Finding("storage", "fails" if wrong else "ok", wrong or prefix, "use another folder" if wrong else "")
    return None


def _bucket(prefix: str, profile: Mapping[str, Any]) -> Finding | None:
    """Whether a file can be written below ``prefix`` and taken away again."""
    place = urlparse(prefix)
    if place.scheme != "s3" or not place.netloc:
        return Finding("storage", "fails", f"default-storage-prefix: found {prefix!r}", "write s3://BUCKET/FOLDER")
    if any(word in prefix for word in EXAMPLES):  # a line of its own says so
        return None
    try:
        from boto3 import Session
        from botocore.client import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:  # a line of its own says that the plugin is not installed
        return None

    def setting(name: str) -> str | None:
        return profile.get(f"storage-s3-{name}") or os.environ.get(f"SNAKEMAKE_STORAGE_S3_{name.replace('-', '_').upper()}")

    own = Config(connect_timeout=PATIENCE, read_timeout=PATIENCE, retries={"max_attempts": 0})
    try:
        client = Session(os.environ[KEYS[0]], os.environ[KEYS[1]], setting("token"), setting("region") or "us-east-1").client(
            "s3", endpoint_url=setting("endpoint-url"), config=own
        )
        probe = {"Bucket": place.netloc, "Key": f"{place.path.strip('/')}/mtbkd-doctor-{uuid.uuid4().hex}".lstrip("/")}
        client.put_object(**probe, Body=b"")
        client.delete_object(**probe)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            return Finding("storage", "warning", f"{place.netloc}: no such bucket", "the run tries to make it")
        return Finding("storage", "fails", f"{prefix}: the store answers {code}", "check the keys and their rights")
    except (BotoCoreError, ValueError) as error:
        return Finding("storage", "fails", f"{prefix}: {error}".rstrip("."), "check SNAKEMAKE_STORAGE_S3_ENDPOINT_URL")
    return Finding("storage", "ok", f"{prefix} can be written to")
