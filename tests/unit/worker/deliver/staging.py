"""Stages, and files for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from plugin_bridge.forward.entries import EventEncoder
from worker.config.model import DecodeConfig
from worker.deliver.progress import Progress
from worker.deliver.stages import Stages
from worker.source.notifications import ObjectRef
from worker.source.objects import Body
from worker.transform.transformation import Transformation

if TYPE_CHECKING:
    from worker.deliver.stages import File

REF = ObjectRef("bucket", "key", etag="e")
BODY = Body(b"", 0, "e", None)
FALLBACK = (1, 0)

times = st.sampled_from(["2026-11-20T12:00:00Z", "1970-01-01T00:00:00Z", "never", None])


def stages_with(
    transformation: Transformation | None = None,
    *,
    is_raw: bool = False,
    **decode: Any,
) -> Stages:
    return Stages(
        DecodeConfig.model_validate(decode),
        EventEncoder(),
        is_raw=is_raw,
        transformation=transformation or Transformation(),
        progress=Progress(),
    )


def file_of(stages: Stages, records: list[Any]) -> File:
    file = stages.parsed(json.dumps({"Records": records}, ensure_ascii=False).encode())
    assert file is not None
    return file
