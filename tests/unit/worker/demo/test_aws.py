from __future__ import annotations

import pytest

from worker.demo import aws
from worker.demo.errors import DemoError


def test_missing_moto_is_one_line_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aws, "_SERVER_MODULES", ("sys", "no_such_module"))
    with pytest.raises(DemoError, match=r"pip install 'trailfeed\[demo\]'") as caught:
        aws.EmbeddedAws().start()
    assert "\n" not in str(caught.value)


def test_stopping_what_never_started_does_nothing() -> None:
    aws.EmbeddedAws().stop()
