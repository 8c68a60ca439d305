"""Every error that crosses a room of the worker, by what to do about it.

::

    TrailfeedError
    ├── ConfigError                the configuration: exit 78, never a restart
    ├── RetriableError             may pass: try again, later leave it to SQS
    │   ├── AwsError               SQS, S3 or STS answered with a failure
    │   ├── CommonFaultError       hits every message alike: hold, do not give back
    │   ├── JournalError           the journal: delivery goes on without it
    │   └── DownloadError          this object, this time
    │       ├── MissingObjectError     404 (``source.on_missing_object``)
    │       ├── AccessDeniedError      403: may also be a missing key
    │       └── OverwrittenError       another one now than when its reading began
    └── PermanentError             stays wrong however often it is tried
        ├── UnknownMessageError    no notification (``source.on_unknown_message``)
        └── BadObjectError         undecodable object (``source.on_bad_object``)

``code`` is short, lower-case and stable: logs, metrics and the quarantine count by it.
The text is one sentence that says what is wrong and, where there is one, the way out.
"""

from __future__ import annotations


class TrailfeedError(Exception):
    """Base of all; never raised itself."""


class ConfigError(TrailfeedError):
    """One or more problems of the configuration, all of them at once.

    Args:
        problems: One line each, beginning with the key or file it is about.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class _CodedError(TrailfeedError):
    """An error with a stable code beside its sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class RetriableError(_CodedError):
    """May pass by itself."""


class AwsError(RetriableError):
    """An AWS call failed; ``code`` is AWS's own error code."""


class CommonFaultError(RetriableError):
    """Credentials, network or a whole service: not the fault of one message."""


class JournalError(RetriableError):
    """The journal could not be read or written; ``code`` is ``journal``."""


class DownloadError(RetriableError):
    """The object could not be read this time."""


class MissingObjectError(DownloadError):
    """S3 says that there is no such key or version."""


class AccessDeniedError(DownloadError):
    """S3 refuses; without ``s3:ListBucket`` a missing key looks the same."""


class OverwrittenError(DownloadError):
    """The object is another one than when its reading began."""


class PermanentError(_CodedError):
    """Trying again cannot help."""


class UnknownMessageError(PermanentError):
    """The message is no S3 notification that trailfeed knows."""


class BadObjectError(PermanentError):
    """The object was read whole, but is not what the configuration says."""


def is_bug(error: BaseException) -> bool:
    """Whether an exception shows a bug: trailfeed's own, or a library's.

    A panic of a library written in Rust derives from BaseException alone
    (``pyo3_runtime.PanicException``).
    """
    if isinstance(error, Exception):
        return not isinstance(error, TrailfeedError | MemoryError)
    return type(error).__module__ == "pyo3_runtime"
