"""What ``trailfeed doctor`` looks at, from the credentials to the receiver.

Nothing is written and no message is received unless that is asked for by name. Each
module looks at one thing and gives an :class:`~worker.doctor.finding.Answer`: lines for
people, and what the looks after it need to know. ``examination`` puts them in order.
"""
