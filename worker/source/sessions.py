"""Credentials, regions and clients of AWS."""

from __future__ import annotations

import importlib.metadata
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.exceptions import ConfigNotFound, ConfigParseError, ProfileNotFound
from botocore.loaders import Loader, create_loader

from worker.errors import CommonFaultError, ConfigError
from worker.source.credentials import RenewableCredentials, role_credentials
from worker.source.deadlines import keep_deadlines
from worker.source.faults import (
    AWS_ERRORS,
    NO_CREDENTIALS,
    NOT_AWS_ERRORS,
    fault_of,
    no_credentials,
    not_aws_fault,
)
from worker.source.recent import Recent
from worker.source.signing import Credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.config import _S3Dict
    from botocore.credentials import Credentials
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

    from worker.config import SourceConfig

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60

_MAX_ATTEMPTS = 3
_WAIT_MARGIN_S = 10  # a connection must not be given up before its long poll ends
_MAX_CONNECTIONS = 32
_MAX_REGIONS = 64  # notifications name them


class AwsSession:
    """One identity towards AWS; safe to use from any thread.

    No call is made before the first client needs credentials.

    Args:
        source: The section ``[source]``.

    Raises:
        ConfigError: An unknown profile, an unreadable AWS configuration file or
            certificate bundle, or no region.
    """

    def __init__(self, source: SourceConfig) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._s3_clients = Recent(self._new_s3_client, limit=_MAX_REGIONS)
        own = self._identity()
        self.long_poll_timeout_s = source.wait_time_s + _WAIT_MARGIN_S
        self.region = source.region or _region(own)
        self.ca_bundle = _ca_bundle(own)
        self._credentials = RenewableCredentials(self._load_credentials)
        core = botocore.session.Session(profile=source.profile or None)
        core.register_component("data_loader", _knowledge(_data_path(core)))
        self._credentials.use_in(core)
        self._boto3 = boto3.session.Session(
            botocore_session=core, region_name=self.region
        )

    def sqs_client(self) -> SQSClient:
        """A client for the queue."""
        with self._lock:
            client = self._boto3.client(
                "sqs",
                endpoint_url=self._endpoint(self._source.sqs_endpoint_url),
                config=_config(read_timeout=self.long_poll_timeout_s),
            )
        keep_deadlines(client)
        return client

    def s3_client(self, region: str | None = None) -> S3Client:
        """The client for buckets in one region; None: in the queue's region."""
        return self._s3_clients.get(region or self.region)

    def cloudtrail_client(self, region: str) -> CloudTrailClient:
        """A client for CloudTrail in one region."""
        with self._lock:
            return self._boto3.client(
                "cloudtrail",
                region_name=region,
                endpoint_url=self._endpoint(""),
                config=_config(),
            )

    def on_answer(self, handler: Callable[..., None]) -> None:
        """Have botocore call a handler after each of AWS's answers, refusals too.

        Args:
            handler: Of the event ``after-call``; for clients that are made from now on.
        """
        self._boto3.events.register("after-call", handler)

    def athena_client(self) -> AthenaClient:
        """A client for Athena."""
        with self._lock:
            return self._boto3.client(
                "athena", endpoint_url=self._endpoint(""), config=_config()
            )

    @overload
    def other_client(
        self, service: Literal["events"], *, region: str = ""
    ) -> EventBridgeClient: ...
    @overload
    def other_client(
        self, service: Literal["iam"], *, region: str = ""
    ) -> IAMClient: ...
    @overload
    def other_client(
        self, service: Literal["sns"], *, region: str = ""
    ) -> SNSClient: ...
    @overload
    def other_client(
        self, service: Literal["sts"], *, region: str = ""
    ) -> STSClient: ...
    @overload
    def other_client(self, service: Literal["kms"], *, region: str = "") -> Any: ...
    def other_client(
        self,
        service: Literal["events", "iam", "kms", "sns", "sts"],
        *,
        region: str = "",
    ) -> Any:
        """A client for what sets up or looks at the AWS side.

        Args:
            service: As boto3 names it.
            region: Empty: the queue's.
        """
        make: Any = self._boto3.client
        with self._lock:
            return make(
                service,
                region_name=region or self.region,
                endpoint_url=self._endpoint(""),
                config=_config(),
            )

    def credential(self) -> Credential:
        """The credentials as they are now.

        Raises:
            CommonFaultError: There are none, or they could not be refreshed.
        """
        doing = "cannot sign requests to AWS"
        try:
            frozen = self._credentials.get_frozen_credentials()
        except AWS_ERRORS as error:
            raise fault_of(error, doing) from error
        except NOT_AWS_ERRORS as error:
            raise not_aws_fault(error, doing) from error
        if not (frozen.access_key and frozen.secret_key):
            raise CommonFaultError(
                NO_CREDENTIALS, no_credentials(doing, "no AWS credentials found")
            )
        return Credential(frozen.access_key, frozen.secret_key, frozen.token or "")

    def renew_credentials(self) -> None:
        """Find credentials anew at the next call: AWS refuses what there is.

        boto3's calls see to it by themselves.
        """
        self._credentials.renew()

    def _new_s3_client(self, region: str) -> S3Client:
        endpoint_url = self._endpoint(self._source.s3_endpoint_url)
        with self._lock:
            client: S3Client = self._boto3.client(
                "s3",
                region_name=region,
                endpoint_url=endpoint_url,
                config=_config(
                    s3={
                        "addressing_style": "path" if endpoint_url else "auto",
                        "us_east_1_regional_endpoint": "regional",
                    }
                ),
            )
        client.meta.events.register("before-call.s3", _follow_no_redirect)
        keep_deadlines(client)
        return client

    def _endpoint(self, own: str) -> str | None:
        return own or self._source.endpoint_url or None

    def _identity(self) -> botocore.session.Session:
        """Static keys, a profile, or boto3's own chain."""
        source = self._source
        core = botocore.session.Session(profile=source.profile or None)
        try:
            core.get_scoped_config()
        except ProfileNotFound as error:
            place = "source.profile" if source.profile else "AWS_PROFILE"
            raise ConfigError(
                (f"{place}: AWS's configuration files have no {core.profile!r}",)
            ) from error
        except (ConfigNotFound, ConfigParseError) as error:
            raise ConfigError((f"AWS's own configuration: {error}",)) from error
        if source.access_key_id:
            core.set_credentials(
                source.access_key_id,
                source.secret_access_key.get_secret_value(),
                source.session_token.get_secret_value() or None,
            )
        return core

    def _load_credentials(self) -> Credentials | None:
        own, source = self._identity(), self._source
        if not source.role_arn:
            return own.get_credentials()
        arguments = {"RoleSessionName": source.role_session_name}
        if source.external_id:
            arguments["ExternalId"] = source.external_id
        return role_credentials(
            own,
            role_arn=source.role_arn,
            arguments=arguments,
            client_settings={
                "region_name": self.region,
                "endpoint_url": source.endpoint_url or None,
                "config": _config(),
            },
        )


def preload(source: SourceConfig) -> None:
    """Read what botocore knows of the services that a worker calls.

    Workers that are forked after this start sooner, and share the memory.

    Args:
        source: Where it names what is not there, nothing happens: the session says so.
    """
    try:
        path = _data_path(botocore.session.Session(profile=source.profile or None))
    except (ConfigNotFound, ConfigParseError, ProfileNotFound):
        return
    knowledge = _knowledge(path)
    for name in ("endpoints", "partitions", "sdk-default-configuration"):
        knowledge.load_data(name)
    for service in ("s3", "sqs"):
        for kind in ("service-2", "endpoint-rule-set-1"):
            knowledge.load_service_model(service, kind)


@cache
def _knowledge(data_path: str | None) -> Loader:
    return create_loader(data_path)


def _data_path(core: botocore.session.Session) -> str | None:
    """Where AWS's own settings have more of it."""
    path: str | None = core.get_config_variable("data_path")
    return path


def _follow_no_redirect(params: dict[str, Any], **_: object) -> None:
    """Keep botocore from looking for a bucket's region.

    It does so without end where an answer does not say, and once more for each client.
    """
    params["context"].setdefault("s3_redirect", {})["redirected"] = True


def _config(*, read_timeout: int = READ_TIMEOUT_S, s3: _S3Dict | None = None) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": _MAX_ATTEMPTS},
        max_pool_connections=_MAX_CONNECTIONS,
        tcp_keepalive=True,
        user_agent_extra=user_agent(),
        s3=s3,
    )


def user_agent() -> str:
    """How trailfeed names itself to AWS."""
    try:
        return f"trailfeed/{importlib.metadata.version('trailfeed')}"
    except importlib.metadata.PackageNotFoundError:
        return "trailfeed/unpackaged"


def _region(core: botocore.session.Session) -> str:
    region = core.get_config_variable("region")
    if not region:
        raise ConfigError(
            ('source.region: name the region of the queue, such as "us-east-1"',)
        )
    return str(region)


def _ca_bundle(core: botocore.session.Session) -> bytes | None:
    """The certificates that AWS_CA_BUNDLE or the profile's ``ca_bundle`` names."""
    path = core.get_config_variable("ca_bundle")
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(
            (f"AWS_CA_BUNDLE: cannot read {path}: {error.strerror}",)
        ) from error
