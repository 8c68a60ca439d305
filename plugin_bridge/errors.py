"""Errors of the bridge beyond the protocol's own (:mod:`.forward.errors`).

::

    BridgeError
    ├── AddressError        an address that cannot be used as it is written
    ├── TransportError      the operating system refused; connecting may help later
    ├── TlsFileError        a certificate, or a key, that cannot be used
    └── OutputClosedError   standard output takes no more; the run must end
"""

from __future__ import annotations


class BridgeError(Exception):
    """Base of all; never raised itself."""


class AddressError(BridgeError):
    """The text is no address, or names a place that cannot exist."""


class TransportError(BridgeError):
    """A connection could not be made, or broke.

    The text is one sentence with the address and the system's reason.
    """


class TlsFileError(BridgeError):
    """A file of certificates or a key cannot be used.

    Args:
        key: Which setting of ``[output]`` names it.
        path: The file.
        problem: The rest of a sentence that begins with the file.
    """

    def __init__(self, key: str, path: str, problem: str) -> None:
        super().__init__(key, path, problem)
        self.key = key
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"output.{self.key}: {self.path} {self.problem}"


class OutputClosedError(BridgeError):
    """Nothing more can be written to standard output."""
