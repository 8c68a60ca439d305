"""A trail's folders in S3, by CloudTrail's layout of keys.

``[prefix/]AWSLogs/[o-…/]ACCOUNT/KIND/REGION/YYYY/MM/DD/``, where KIND is ``CloudTrail``
for logs and ``CloudTrail-Digest`` for digests.

Source: AWS CloudTrail User Guide, "Finding your CloudTrail log files" and "CloudTrail
digest file structure".
"""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from worker.errors import AwsError, PermanentError
from worker.source.faults import AWS_ERRORS, fault_of, service_code
from worker.source.object_faults import ACCESS_DENIED, MISSING_BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from botocore.exceptions import BotoCoreError
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

    from worker.errors import RetriableError

LOGS: Final = "CloudTrail"

_DENIED: Final = ("AccessDenied", "AllAccessDisabled")

_S3_URL: Final = re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<prefix>.*))?", re.DOTALL)
_ROOT: Final = "AWSLogs/"
_ACCOUNT: Final = re.compile(r"(?:^|/)\d{12}/\Z")
MAX_PREFIXES: Final = 1_000
"""Folders beside a trail that are looked into, a call each."""

_REGION_LEVEL: Final = 2  # below AWSLogs/: account, kind, region


def bucket_and_prefix(source: str) -> tuple[str, str]:
    """What ``s3://BUCKET/PREFIX`` names.

    Raises:
        PermanentError: It is no such URL.
    """
    match = _S3_URL.fullmatch(source)
    if match is None:
        raise PermanentError(
            "bad_url", f"{source}: expected s3://BUCKET/PREFIX, as in s3://logs/"
        )
    return match["bucket"], match["prefix"] or ""


def listing_fault(
    error: BotoCoreError | ClientError,
    bucket: str,
    prefix: str,
    *,
    permission: str = "s3:ListBucket",
) -> RetriableError:
    """What it means that S3 refuses to list, or fails to.

    Args:
        error: What boto3 raised.
        bucket: That was to be listed.
        prefix: Of the keys.
        permission: What the listing needs.
    """
    doing = f"cannot list s3://{bucket}/{prefix}"
    code = service_code(error) if isinstance(error, ClientError) else ""
    if code in _DENIED:
        said = f"{doing}: access denied: allow {permission}"
        return AwsError(ACCESS_DENIED, said)
    if code == "NoSuchBucket":
        return AwsError(MISSING_BUCKET, f"{doing}: there is no such bucket")
    return fault_of(error, doing)


class TrailFolders:
    """Finds and lists folders; every method raises boto3's own errors.

    Args:
        client: For the bucket.
        bucket: Its name.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def bucket_region(self) -> str | None:
        """Where the bucket is; None: S3 does not tell."""
        try:
            answer = self._client.head_bucket(Bucket=self._bucket)
        except AWS_ERRORS:
            return None  # allowed to list, perhaps, though not to ask this
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        return headers.get("x-amz-bucket-region")

    def of_regions(
        self,
        prefix: str,
        *,
        kind: str | None = LOGS,
        accounts: Collection[str] = (),
        regions: Collection[str] = (),
        is_wanted: Callable[[str], bool] | None = None,
    ) -> Iterator[str] | None:
        """The folders of the regions below a prefix.

        Where ``AWSLogs/`` lies right below it, so may trails with a prefix of their own
        beside that: of :data:`MAX_PREFIXES` folders that have an ``AWSLogs/`` the
        regions are found, too.

        Args:
            prefix: May end at any level from the bucket down to a region; a kind in it
                wins over ``kind``.
            kind: Of the files; None: all kinds that there are.
            accounts: Only these; none: all.
            regions: Only these; none: all.
            is_wanted: Told the folder of a kind in an account; what it refuses is not
                looked into. None: all are.

        Returns:
            In the order of their names, where accounts and regions come sorted.
            None: the prefix is no part of CloudTrail's layout, or lies below a region.
        """
        if _ROOT not in f"{prefix}/":
            below = f"{prefix.rstrip('/')}/" if prefix else ""
            folders = self._inside(below)
            if f"{below}{_ROOT}" not in folders:
                return None
            trails = (
                self._trails(root, {}, kind, accounts) for root in self._roots(folders)
            )
            return self._regions(
                filter(is_wanted, chain.from_iterable(trails)), None, regions
            )
        if not prefix.endswith("/"):
            prefix += "/"
        head, _, rest = prefix.partition(_ROOT)
        names = [name for name in rest.split("/") if name]
        if names and names[0].startswith("o-"):
            head, names = f"{head}{_ROOT}{names[0]}/", names[1:]
        else:
            head += _ROOT
        if len(names) > _REGION_LEVEL + 1:
            return None
        given = dict(enumerate(names))
        found = self._trails(head, given, kind, accounts)
        return self._regions(
            filter(is_wanted, found), given.get(_REGION_LEVEL), regions
        )

    def objects(self, prefix: str, *, after: str = "") -> Iterator[ObjectTypeDef]:
        """The objects below a prefix, in the order of their keys.

        Args:
            prefix: Of the keys.
            after: Only keys that sort after this one.
        """
        paginator = self._client.get_paginator("list_objects_v2")
        if after:
            pages = paginator.paginate(
                Bucket=self._bucket, Prefix=prefix, StartAfter=after
            )
        else:
            pages = paginator.paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            yield from page.get("Contents", ())

    def _roots(self, folders: Iterable[str]) -> Iterator[str]:
        """``AWSLogs/`` itself, and those in the folders beside it."""
        for folder in islice(folders, MAX_PREFIXES):
            if folder.endswith(f"/{_ROOT}") or folder == _ROOT:
                yield folder
            elif self._inside(f"{folder}{_ROOT}"):
                yield f"{folder}{_ROOT}"

    def _trails(
        self,
        head: str,
        given: Mapping[int, str],
        kind: str | None,
        accounts: Collection[str],
    ) -> Iterator[str]:
        """Go down from ``AWSLogs/`` to the folders of the kinds."""
        for account in [f"{given[0]}/"] if given else self._accounts(head):
            if accounts and account.strip("/")[-12:] not in accounts:
                continue
            folder, one = f"{head}{account}", given.get(1, kind)
            if one is not None:
                yield f"{folder}{one}/"
            else:
                yield from (
                    found
                    for found in self._inside(folder)
                    if found.removeprefix(folder).startswith(LOGS)
                )

    def _regions(
        self, trails: Iterable[str], given: str | None, regions: Collection[str]
    ) -> Iterator[str]:
        """Go down from there to the folders of the regions."""
        for trail in trails:
            if given is not None:
                yield f"{trail}{given}/"
            elif regions:
                yield from (f"{trail}{region}/" for region in regions)
            else:
                yield from self._inside(trail)

    def _accounts(self, head: str) -> list[str]:
        """Accounts, also those below an organization's id."""
        found = []
        for folder in self._inside(head):
            name = folder.removeprefix(head)
            if name.startswith("o-"):
                found += [one.removeprefix(head) for one in self._inside(folder)]
            else:
                found.append(name)
        return [one for one in found if _ACCOUNT.search(one)]

    def _inside(self, prefix: str) -> list[str]:
        """The folders right below a prefix."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        return [
            one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())
        ]
