"""Whether a trail's files are those that CloudTrail delivered, all of them, unchanged.

CloudTrail signs a digest an hour, which names the hour's log files with their hashes,
and the digest before it. ``digest_key`` and ``digest`` read digests, ``signature`` and
``public_keys`` tell whether CloudTrail signed them, ``bucket`` reads them from S3,
``chain`` follows them from the newest back, ``log_files`` checks what they name,
``coverage`` finds files that none names, and ``verification`` does all of it.
"""
