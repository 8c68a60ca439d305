"""The Forward protocol without I/O: no socket, clock, randomness, thread or logger.

Bytes, instants and random numbers come in as arguments; bytes and values go out. The
client's half is :mod:`.connection`, the server's :mod:`.receiver`; both speak in the
frames of :mod:`.frames`, which carry the entries of :mod:`.entries`.

Source: Fluentd's "Forward Protocol Specification v1".
"""
