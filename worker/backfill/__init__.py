"""Objects that are in a bucket already, fed like those that S3 announces.

``request`` says what is asked for, ``spans`` which prefixes hold it, ``listing`` reads
them, and ``walk`` leaves out what is not wanted. ``run`` keeps how far a backfill came.
``sending`` announces the objects in the queue, no faster than ``pacing`` allows;
``direct`` has a pool of its own deliver them, out of the ``work_list``. ``counts`` only
counts.
"""
