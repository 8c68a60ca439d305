"""The AWS side: what a bucket and a queue need so that trailfeed can read.

``wiring`` names what is wanted, ``documents`` says it in AWS's own words. ``account``
compares that with what is there, and mends it; ``templates`` writes it for other tools.
``queues``, ``statements`` and ``announcing`` are the rules by which it joins what is
there already: nobody else's statement, notification or longer retention is lost.
"""
