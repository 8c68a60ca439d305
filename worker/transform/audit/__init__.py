"""Who did what, when, where, to what, from where, and with what outcome.

``identity`` says who, ``resource`` to what (by the tables of ``resource_table``),
``change`` with what,
``circumstances`` the rest, and ``view`` puts it together; ``event`` tells what is an
event at all. Everything here takes any
decoded JSON object; what is absent, or not of the type that CloudTrail gives it, is
passed over.

Source: CloudTrail user guide, "CloudTrail record contents" and "userIdentity element".
"""

from __future__ import annotations

from worker.transform.audit.circumstances import SUCCESS
from worker.transform.audit.event import is_event
from worker.transform.audit.view import FIELDS, View, view

__all__ = ["FIELDS", "SUCCESS", "View", "is_event", "view"]
