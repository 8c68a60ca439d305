from __future__ import annotations

from worker.source.recent import Recent


def test_each_is_made_once_while_it_is_used() -> None:
    made: list[str] = []

    def make(key: str) -> list[str]:
        made.append(key)
        return [key]

    recent = Recent(make, limit=2)
    first = recent.get("a")
    for key in ("b", "a", "c", "a"):
        recent.get(key)

    assert recent.get("a") is first
    assert made == ["a", "b", "c"]
    assert recent.get("b") == ["b"]
    assert made == ["a", "b", "c", "b"]


def test_what_is_forgotten_is_made_again() -> None:
    recent: Recent[str, list[str]] = Recent(lambda key: [key], limit=2)
    first = recent.get("a")

    recent.forget("a")
    recent.forget("never kept")

    assert recent.get("a") is not first
