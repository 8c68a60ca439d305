"""The same question as SQL for Athena, and the table that it asks.

What the view's fields are in SQL, ``athena_view`` says.

Beyond what one machine reads in a while Athena does the work. The table's partitions
are projected: they follow from the names of CloudTrail's folders and need no crawler.

Source: Amazon Athena User Guide, "Query AWS CloudTrail logs" and "Partition
projection".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from worker.audit.answers import SHOWN
from worker.audit.athena_view import CALLER_NAMES, FIELDS, view_sql
from worker.audit.question import VERSION
from worker.audit.trail import FIRST_DAY, LATE_DAYS
from worker.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.audit.question import Question

TABLE: Final = "cloudtrail_logs"

_SOURCE: Final = re.compile(
    r"s3://(?P<root>[^/]+/(?:[^/]+/)*?)(?:AWSLogs/)?(?P<organization>o-[a-z0-9]+/)?"
    r"(?:(?P<account>\d{12})/(?:CloudTrail/?(?:(?P<region>[a-z0-9-]+)/?)?)?)?"
)
_REGIONS: Final = (
    "af-south-1,ap-east-1,ap-east-2,ap-northeast-1,ap-northeast-2,ap-northeast-3,"
    "ap-south-1,ap-south-2,ap-southeast-1,ap-southeast-2,ap-southeast-3,"
    "ap-southeast-4,ap-southeast-5,ap-southeast-7,ca-central-1,ca-west-1,eu-central-1,"
    "eu-central-2,eu-north-1,eu-south-1,eu-south-2,eu-west-1,eu-west-2,eu-west-3,"
    "il-central-1,me-central-1,me-south-1,mx-central-1,sa-east-1,us-east-1,us-east-2,"
    "us-west-1,us-west-2"
)
_IDENTITY: Final = """\
struct<
    type: string, principalid: string, arn: string, accountid: string,
    invokedby: string, accesskeyid: string, username: string,
    identityprovider: string,
    credentialid: string,
    onbehalfof: struct<userid: string, identitystorearn: string>,
    sessioncontext: struct<
      sourceidentity: string,
      attributes: struct<mfaauthenticated: string, creationdate: string>,
      sessionissuer: struct<
        type: string, principalid: string, arn: string, accountid: string,
        username: string>,
      webidfederationdata: struct<federatedprovider: string>>>"""

_COLUMNS: Final = (
    ("eventversion", "string"),
    ("useridentity", _IDENTITY),
    ("eventtime", "string"),
    ("eventsource", "string"),
    ("eventname", "string"),
    ("awsregion", "string"),
    ("sourceipaddress", "string"),
    ("useragent", "string"),
    ("errorcode", "string"),
    ("errormessage", "string"),
    ("requestparameters", "string"),
    ("responseelements", "string"),
    ("additionaleventdata", "string"),
    ("requestid", "string"),
    ("eventid", "string"),
    (
        "resources",
        "array<struct<arn: string, arnprefix: string, accountid: string, "
        "type: string>>",
    ),
    ("eventtype", "string"),
    ("apiversion", "string"),
    ("readonly", "string"),
    ("managementevent", "string"),
    ("recipientaccountid", "string"),
    ("serviceeventdetails", "string"),
    ("sharedeventid", "string"),
    ("vpcendpointid", "string"),
    ("eventcategory", "string"),
)


def table_definition(source: str, question: Question) -> str:
    """The statement that makes the table.

    Args:
        source: ``s3://BUCKET/PREFIX``, with the account somewhere.
        question: Whose accounts, where the prefix has none.

    Raises:
        PermanentError: No account can be told.
    """
    match = _SOURCE.fullmatch(f"{source.rstrip('/')}/")
    if match is None:
        raise PermanentError(
            "bad_url", f"{source}: --athena wants s3://BUCKET/[PREFIX/][AWSLogs/…]"
        )
    accounts = [match["account"]] if match["account"] else [*question.accounts]
    if not accounts:
        raise PermanentError(
            "no_account",
            f"{source}: name the accounts: --account 123456789012, or "
            "s3://BUCKET/AWSLogs/123456789012/",
        )
    root = f"s3://{match['root']}AWSLogs/{match['organization'] or ''}"
    columns = ",\n".join(f"  {name} {kind}" for name, kind in _COLUMNS)
    properties = ",\n".join(
        f"  {_quoted(name)} = {_quoted(value)}"
        for name, value in (
            ("projection.enabled", "true"),
            ("projection.account.type", "enum"),
            ("projection.account.values", ",".join(accounts)),
            ("projection.region.type", "enum"),
            ("projection.region.values", match["region"] or _REGIONS),
            ("projection.day.type", "date"),
            ("projection.day.format", "yyyy/MM/dd"),
            ("projection.day.range", f"{FIRST_DAY:%Y/%m/%d},NOW"),
            ("projection.day.interval", "1"),
            ("projection.day.interval.unit", "DAYS"),
            (
                "storage.location.template",
                f"{root}${{account}}/CloudTrail/${{region}}/${{day}}",
            ),
        )
    )
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {TABLE} (\n{columns}\n)\n"
        "PARTITIONED BY (account string, region string, day string)\n"
        "ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'\n"
        "STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'\n"
        "OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'\n"
        f"LOCATION {_quoted(root)}\n"
        f"TBLPROPERTIES (\n{properties}\n);"
    )


def query(
    question: Question,
    limit: int,
    count_by: Sequence[str] = (),
    *,
    copies: bool = False,
) -> str:
    """The statement that asks.

    The view is made first, and then asked, as it is for files: the same names have the
    same meaning.

    Args:
        question: What is asked.
        limit: How many rows at most; 0: all.
        count_by: Fields of the view to count by; none: events are listed.
        copies: List and count an event as often as it was delivered.

    Raises:
        PermanentError: A part of the question has no SQL here.
    """
    if question.where:
        raise PermanentError(
            "no_sql", "--where has no SQL; leave it out with --athena, or put it in"
        )
    for name in count_by:
        if name not in FIELDS:
            raise PermanentError(
                "no_sql", f"--count-by {name} has no SQL; there are {', '.join(FIELDS)}"
            )
    of_table, of_view = (
        [*_conditions_of_table(question)],
        [*_conditions_of_view(question)],
    )
    if not copies:
        of_view.append("copy = 1")
    services = ["sqs"] if question.queue else _services(question.events)
    shown = ", ".join(_name(name) for name in count_by or SHOWN)
    last = f"\nLIMIT {limit};" if limit else ";"
    if count_by:
        numbers = [str(number + 2) for number in range(len(count_by))]
        shown = f"count(*) AS count, {shown}"
        by = ", ".join(numbers)
        order = f"GROUP BY {by}\nORDER BY 1 DESC, {by}{last}"
    else:
        order = f'ORDER BY "when" DESC{last}'
    source = f"{TABLE}{_where(of_table)}"
    seen = f"SELECT {shown}\nFROM seen{_where(of_view)}"
    return f"{view_sql(source, services)}\n{seen}\n{order}"


def _where(conditions: Sequence[str]) -> str:
    return "\nWHERE " + "\n  AND ".join(conditions) if conditions else ""


def _name(field: str) -> str:
    return f'"{field}"'


def _services(events: Sequence[str]) -> list[str] | None:
    """The services that alone are asked for; None: any."""
    services = [event.rpartition(":")[0].lower() for event in events]
    is_any = not services or any(not one or set(one) & set("*?[") for one in services)
    return None if is_any else services


def _conditions_of_table(question: Question) -> Iterable[str]:
    if question.accounts:
        yield f"account IN ({_list(question.accounts)})"
    if question.regions:
        yield f"region IN ({_list(question.regions)})"
        yield f"awsregion IN ({_list(question.regions)})"
    if question.since:
        yield f"day >= '{question.since:%Y/%m/%d}'"
        yield f"eventtime >= '{_iso(question.since)}'"
    if question.until:
        # Files come minutes after their events, perhaps on the next day.
        last = question.until + timedelta(days=LATE_DAYS)
        yield f"day <= '{last:%Y/%m/%d}'"
        yield f"eventtime < '{_iso(question.until)}'"
    if question.events:
        yield _any_of(map(_is_event, question.events))
    if question.queue:
        yield "eventsource = 'sqs.amazonaws.com'"


def _conditions_of_view(question: Question) -> Iterable[str]:
    if question.queue:
        yield _like("to_what", question.queue, case_sensitive=True)
    if question.who:
        yield _any_of(
            [
                *(_like(name, question.who) for name in CALLER_NAMES),
                _like("'/' || who || '/'", f"*/{question.who}/*"),
            ]
        )
    if question.plane:
        yield f"plane = '{question.plane}'"
    if question.errors_only:
        yield "outcome <> 'ok'"


def _is_event(event: str) -> str:
    service, _, name = event.rpartition(":")
    plain = f"regexp_replace(eventname, '{VERSION}$', '')"
    is_name = _any_of([_like(plain, name), _like("eventname", name)])
    if not service:
        return is_name
    return f"({_like('eventsource', f'{service}.amazonaws.com')} AND {is_name})"


def _like(column: str, pattern: str, *, case_sensitive: bool = False) -> str:
    """A shell pattern as a condition."""
    if not case_sensitive:
        column, pattern = f"lower({column})", pattern.lower()
    if not set(pattern) & set("*?["):
        return f"{column} = {_quoted(pattern)}"
    if "[" in pattern:
        raise PermanentError(
            "no_sql", f"{pattern}: with --athena patterns have * and ?, not [...]"
        )
    escaped = re.sub(r"([%_!])", r"!\1", pattern)
    like = escaped.replace("*", "%").replace("?", "_")
    return f"{column} LIKE {_quoted(like)} ESCAPE '!'"


def _any_of(conditions: Iterable[str]) -> str:
    every = [*conditions]
    return every[0] if len(every) == 1 else f"({' OR '.join(every)})"


def _list(values: Iterable[str]) -> str:
    return ", ".join(map(_quoted, values))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _iso(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
