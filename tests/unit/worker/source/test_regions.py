from __future__ import annotations

from worker.source import regions
from worker.source.regions import BucketRegions, region_in


def test_what_was_learned_last_holds() -> None:
    learned = BucketRegions()
    assert learned.get("trail-logs") is None

    learned.learn("trail-logs", "eu-west-1")
    learned.learn("trail-logs", "eu-west-2")

    assert learned.get("trail-logs") == "eu-west-2"


def test_not_more_than_so_many_buckets_are_remembered() -> None:
    """Notifications name them: whoever sends those decides how many there are."""
    learned, limit = BucketRegions(), regions._MAX_BUCKETS  # noqa: SLF001
    for number in range(limit + 1):
        learned.learn(f"bucket-{number}", "eu-west-1")

    assert learned.get("bucket-0") is None
    assert learned.get(f"bucket-{limit}") == "eu-west-1"


def test_a_region_is_read_off_headers_and_errors_if_it_can_be_one() -> None:
    def answer(header: str, element: str) -> dict[str, object]:
        return {
            "ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": header}},
            "Error": {"Region": element},
        }

    assert region_in(answer("eu-west-1", "")) == "eu-west-1"
    assert region_in(answer("", "eu-west-1")) == "eu-west-1"
    assert region_in(answer("evil.example/#", "")) is None
    assert region_in({}) is None
