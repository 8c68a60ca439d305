"""Every metric is documented, and nothing refers to one that does not exist."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from worker.deliver.progress import Progress
from worker.observe.catalogue import CATALOGUE

ROOT = Path(__file__).parents[4]
ALERTS = ROOT / "conf" / "prometheus" / "alerts.yml"
ALERT_TESTS = ROOT / "tests" / "unit" / "conf" / "alerts_test.yml"
DASHBOARD = ROOT / "conf" / "grafana" / "trailfeed.json"

FOR_THE_POOL_ALONE = {
    "objects_done",  # counted by outcome
    "objects_failed",  # decides about the exit code
    "oldest_sent_at",
    "sqs_state",
    "s3_state",
    "progressed_at",
    "empty_since",
    "failing_buckets",  # by bucket and reason
}
_NAME = re.compile(r"trailfeed_[a-z0-9_]+")


def exposed_names() -> set[str]:
    """What a query may name."""
    names = {metric.name for metric in CATALOGUE}
    return names | {
        f"{metric.name}_{part}"
        for metric in CATALOGUE
        if metric.kind == "histogram"
        for part in ("bucket", "count", "sum")
    }


def expressions_of_dashboard() -> list[str]:
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [
        target["expr"] for panel in document["panels"] for target in panel["targets"]
    ]


def test_every_number_of_a_worker_is_shown_or_known_not_to_be() -> None:
    shown = {metric.source for metric in CATALOGUE}
    shown |= {field for metric in CATALOGUE for _, field in metric.names}
    fields = {field.name for field in dataclasses.fields(Progress)}
    assert (fields - shown, shown - fields) == (FOR_THE_POOL_ALONE, {""})


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_names_follow_the_rules_of_prometheus(metric) -> None:  # type: ignore[no-untyped-def]
    assert metric.name.startswith("trailfeed_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.help
    assert not metric.help.endswith(".")


def test_names_are_there_once() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))


def test_the_readme_lists_every_metric() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    listed = [line for line in readme if line.startswith("| `trailfeed_")]
    expected = []
    for metric in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        expected.append(
            f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"
        )
    assert listed == expected


def test_dashboard_and_alerts_name_metrics_that_exist() -> None:
    alerts = ALERTS.read_text(encoding="utf-8")
    named = set(_NAME.findall(" ".join(expressions_of_dashboard())))
    assert named
    assert named | set(_NAME.findall(alerts)) <= exposed_names()


def test_promtool_takes_the_alerts_and_the_dashboards_queries(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool on the PATH")
    queries = tmp_path / "dashboard.yml"
    rules = [
        {
            "record": f"panel:{number}",
            "expr": expr.replace("$__rate_interval", "5m").replace("$instance", ".*"),
        }
        for number, expr in enumerate(expressions_of_dashboard())
    ]
    queries.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    for file in (ALERTS, queries):
        done = subprocess.run(  # noqa: S603 - what was found above
            [promtool, "check", "rules", file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_on_what_it_is_for_and_on_nothing_else(
    tmp_path: Path,
) -> None:
    names = re.findall(r"alert: (\w+)", ALERTS.read_text(encoding="utf-8"))
    tests = ALERT_TESTS.read_text(encoding="utf-8")
    assert re.findall(r"name: (Trailfeed\w+)", tests) == names
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(Trailfeed\w+)`", readme)) == set(names)
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool on the PATH")
    shutil.copy(ALERTS, tmp_path)
    shutil.copy(ALERT_TESTS, tmp_path)
    done = subprocess.run(  # noqa: S603 - what was found above
        [promtool, "test", "rules", tmp_path / ALERT_TESTS.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
