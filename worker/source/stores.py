"""obstore's clients: one for each bucket and region, made when first asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.store import S3Store

from worker.source.recent import Recent
from worker.source.sessions import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, user_agent

if TYPE_CHECKING:
    from obstore.store import ClientConfig

    from worker.source.sessions import AwsSession

_MAX_STORES = 64  # each with connections of its own
_MAX_RETRIES = 3
_RETRY_TIMEOUT = timedelta(seconds=15)
_FIRST_BACKOFF = timedelta(milliseconds=100)
_MAX_BACKOFF = timedelta(seconds=2)
_NO_TOTAL_TIMEOUT = timedelta(days=1)  # 30 s by default, too short for a large object


class Stores(Recent[tuple[str, str], S3Store]):
    """Clients that are used again; safe to use from many threads.

    Args:
        session: Whose credentials and endpoints.
    """

    def __init__(self, session: AwsSession) -> None:
        super().__init__(self._new_store, limit=_MAX_STORES)
        self._session = session
        self._client_options: ClientConfig = {
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "read_timeout": timedelta(seconds=READ_TIMEOUT_S),
            "timeout": _NO_TOTAL_TIMEOUT,
            "user_agent": user_agent(),
        }
        if session.ca_bundle:
            self._client_options["root_certificate"] = session.ca_bundle

    def _new_store(self, bucket_and_region: tuple[str, str]) -> S3Store:
        bucket, region = bucket_and_region
        # boto3 knows each partition's and each environment's endpoint.
        endpoint_url = self._session.s3_client(region).meta.endpoint_url
        return S3Store(
            bucket,
            config={
                "region": region,
                "endpoint": endpoint_url,
                # Else the environment would win over what was just said.
                "aws_endpoint_url_s3": endpoint_url,
                "virtual_hosted_style_request": False,
                "skip_signature": False,
            },
            client_options={
                **self._client_options,
                "allow_http": endpoint_url.startswith("http://"),
            },
            retry_config={
                "max_retries": _MAX_RETRIES,
                "retry_timeout": _RETRY_TIMEOUT,
                "backoff": {
                    "init_backoff": _FIRST_BACKOFF,
                    "max_backoff": _MAX_BACKOFF,
                    "base": 2,
                },
            },
            credential_provider=self._session.credential,
        )
