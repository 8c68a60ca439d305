"""The demo's own error."""

from __future__ import annotations

from worker.errors import TrailfeedError


class DemoError(TrailfeedError):
    """The demo cannot run; one sentence with the way out."""
