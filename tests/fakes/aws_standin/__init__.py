"""A fast stand-in for SQS and S3, with real visibility semantics and faults to order.

It runs in a process of its own (:class:`tests.fakes.aws_standin.process.AwsStandIn`)
and speaks as much of SQS's JSON protocol and of S3's GET as its clients need.
Signatures are not looked at. Beside them, ``POST /_control`` loads objects and
messages, sets faults, lets time pass and reads the tally.

``queues`` and ``faults`` hold the rules and know neither socket nor clock; ``wire`` is
HTTP, ``sqs``, ``buckets`` and ``control`` answer requests, ``server`` joins them.
"""
