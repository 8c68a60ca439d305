"""Errors of the bridge beyond the protocol's own (:mod:`.forward.errors`).

::

    BridgeError
    ├── AddressError        an address that cannot be used as it is written
    ├── TransportError      the operating system refused; connecting may help later
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


class OutputClosedError(BridgeError):
    """Nothing more can be written to standard output."""
