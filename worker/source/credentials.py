"""Credentials that can be had anew: of boto3's chain, of static keys, of a role.

botocore renews what says when it expires. It keeps the rest for ever: keys that some
other program writes into AWS's files, and a role's session that was revoked. Here all
of it is thrown away when AWS refuses it, and asked for again at the next call.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
    RefreshableCredentials,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
)

from worker.errors import ConfigError
from worker.source.faults import CREDENTIALS_REFUSED, common_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import botocore.session
    from botocore.client import BaseClient
    from botocore.credentials import ReadOnlyCredentials

MIN_AGE_S = 5.0
"""Refused credentials younger than this are kept: many calls fail at once."""


class RenewableCredentials(Credentials):
    """What the clients sign with; safe to use from any thread.

    Args:
        load: Finds credentials from the beginning; None: there are none.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        load: Callable[[], Credentials | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("", "", method="trailfeed")
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self._inner: Credentials | None = None
        self._loaded_at = 0.0

    @property
    def is_refreshable(self) -> bool:
        """Whether they expire, and are refreshed before that."""
        return isinstance(self._inner, RefreshableCredentials)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """The credentials as they are now.

        Raises:
            NoCredentialsError: There are none.
            BotoCoreError: They could not be had.
            ClientError: STS refused.
        """
        inner = self._current()
        try:
            return inner.get_frozen_credentials()
        except (BotoCoreError, ClientError):
            self.renew()
            raise

    def renew(self) -> None:
        """Find them anew at the next call, unless that was just done."""
        with self._lock:
            if self._clock() - self._loaded_at >= MIN_AGE_S:
                self._inner = None

    def renew_if_refused(self, **call: Any) -> None:
        """Do so where AWS refused them; a handler of botocore's ``after-call``."""
        parsed = call.get("parsed")
        error = parsed.get("Error") if isinstance(parsed, dict) else None
        code = error.get("Code") if isinstance(error, dict) else None
        if isinstance(code, str) and common_code(code) == CREDENTIALS_REFUSED:
            self.renew()

    def use_in(self, core: botocore.session.Session) -> None:
        """Let all clients of a botocore session sign with these."""
        core.register_component(
            "credential_provider", CredentialResolver([_Only(self)])
        )
        core.register("after-call", self.renew_if_refused)

    def _current(self) -> Credentials:
        with self._lock:
            if self._inner is None:
                try:
                    self._inner = self._load()
                except ConfigError as error:
                    # It was right at the start: somebody is writing the file.
                    raise CredentialRetrievalError(
                        provider="AWS configuration", error_msg=str(error)
                    ) from error
                self._loaded_at = self._clock()
            if self._inner is None:
                raise NoCredentialsError
            return self._inner


class _Only(CredentialProvider):
    """The end of a chain of one."""

    METHOD = "trailfeed"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials:
        return self._credentials


def role_credentials(
    own: botocore.session.Session,
    *,
    role_arn: str,
    arguments: Mapping[str, str],
    client_settings: Mapping[str, Any],
) -> Credentials | None:
    """Credentials of a role, asked of STS by another identity; None without that one.

    Args:
        own: The other identity.
        role_arn: The role.
        arguments: More for ``AssumeRole``.
        client_settings: Of STS's client.
    """
    own_credentials = own.get_credentials()
    if own_credentials is None:
        return None

    def sts_client(service: str, **keys: Any) -> BaseClient:
        client: BaseClient = own.create_client(service, **client_settings, **keys)
        return client

    fetcher = AssumeRoleCredentialFetcher(
        sts_client, own_credentials, role_arn, dict(arguments)
    )
    return DeferredRefreshableCredentials(
        fetcher.fetch_credentials, method="assume-role"
    )
