"""The Forward protocol without I/O: no socket, clock, randomness, thread or logger.

Bytes, instants and random numbers come in as arguments; bytes and values go out. The
client's half is :mod:`.connection`, the server's :mod:`.receiver`; both speak in the
frames of :mod:`.frames`, which carry the entries of :mod:`.entries`, compressed by
:mod:`.compression` where both know how. Before the first frame stands the greeting of
:mod:`.handshake`, where the receiver asks for one.

A client is at its smallest::

    handshake = ClientHandshake(Credentials("key", "me"), salt=secrets.token_hex(16))
    while not handshake.is_done:
        write(handshake.receive_data(read()))
    connection = ForwardConnection(window_chunks=8, window_bytes=4_194_304)
    frame = packed_forward("tag", entries, count=100, chunk=chunk_id(os.urandom(16)))

Source: Fluentd's "Forward Protocol Specification v1".
"""
