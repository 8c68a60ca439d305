"""What holds for all tests, however and wherever they are run."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# Hypothesis judges what examples show, never how long a busy machine takes.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

# What a shell starts in the background ignores SIGINT; so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
