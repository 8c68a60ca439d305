"""The view of an event as SQL: the same fields of the same columns as for files.

Where tables say what is meant (planes, services' parameters) both come from these. Not
in SQL are what a listing is filtered by, and the names in sets that no table knows.

The functions are those that Trino shares with other engines, so that a test can run the
statement.

Source: Trino documentation, "JSON functions", "Regular expression functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.audit.athena_target import parts_sql, targets_sql
from worker.transform.audit.circumstances import (
    FAILURE,
    PLANES,
    PLANES_BY_TYPE,
    SUCCESS,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_ARN: Final = "useridentity.arn"
_ISSUER: Final = "useridentity.sessioncontext.sessionissuer"
_SOURCE_IDENTITY: Final = "useridentity.sessioncontext.sourceidentity"


def _text(column: str) -> str:
    """The column where it has something in it."""
    return f"nullif({column}, '')"


def _extract(column: str, pattern: str, group: int = 1) -> str:
    return _text(f"regexp_extract({column}, '{pattern}', {group})")


def _cases(column: str, values: Mapping[str, str]) -> str:
    whens = " ".join(f"WHEN '{key}' THEN '{value}'" for key, value in values.items())
    return f"CASE {column} {whens} END"


_ARN_NAME: Final = _extract(_ARN, "^(?:[^:]*:){5}(?:[^:/]*[:/])?(.+)$")
_SESSION: Final = _extract("useridentity.principalid", "^[^:]*:(.+)$")

_CALLER: Final = f"""coalesce(
      CASE
        WHEN useridentity.type = 'Root' THEN 'root'
        WHEN useridentity.type IN ('AssumedRole', 'FederatedUser', 'Role')
          THEN {_ARN_NAME}
        WHEN useridentity.type = 'AWSService' THEN {_text("useridentity.invokedby")}
        WHEN useridentity.type = 'AWSAccount'
          AND lower(useridentity.accountid) LIKE 'anonymous%' THEN 'anonymous'
        WHEN useridentity.type = 'AWSAccount'
          THEN 'account ' || {_text("useridentity.accountid")}
            || coalesce('/' || {_SESSION}, '')
        WHEN useridentity.type = 'IdentityCenterUser' THEN coalesce(
          {_text("useridentity.username")},
          {_text("json_extract_scalar(additionaleventdata, '$.UserName')")},
          {_text("useridentity.onbehalfof.userid")})
      END,
      {_text("useridentity.username")}, {_ARN_NAME}, {_text(f"{_ISSUER}.username")},
      {_text("useridentity.principalid")}, {_text("useridentity.invokedby")},
      {_text("useridentity.credentialid")}, {_text("useridentity.accountid")},
      {_text("useridentity.type")})"""

_OUTCOME: Final = f"""CASE
      WHEN strpos(responseelements, '"ConsoleLogin":"{FAILURE}"') > 0
        OR strpos(responseelements, '"' || eventname || '":"{FAILURE}"') > 0
        OR strpos(serviceeventdetails, '"' || eventname || '":"{FAILURE}"') > 0
        THEN '{FAILURE}'
      ELSE coalesce({_text("errorcode")}, {_text("errormessage")}, '{SUCCESS}')
    END"""

_PLANE: Final = f"""coalesce(
      {_cases("eventcategory", PLANES)},
      {_cases("managementevent", {"true": "control", "false": "data"})},
      CASE WHEN element_at(resources, 1).type = 'AWS::S3::Object'
        OR element_at(resources, 2).type = 'AWS::S3::Object' THEN 'data' END,
      {_cases("eventtype", PLANES_BY_TYPE)})"""

_SERVICE: Final = "replace(eventsource, '.amazonaws.com', '')"

_COLUMNS: Final = {
    "when": "eventtime",
    "who_type": f"coalesce({_text('useridentity.type')}, 'Absent')",
    "who_account": _text("useridentity.accountid"),
    "who_session": "CASE WHEN useridentity.type IN ('AssumedRole', 'AWSAccount') "
    f"THEN {_SESSION} END",
    "who_issuer": f"coalesce({_text(f'{_ISSUER}.arn')}, "
    f"{_text('useridentity.identityprovider')})",
    "what": f"coalesce({_SERVICE} || ':' || eventname, eventname, {_SERVICE})",
    "where": _text("awsregion"),
    "account": _text("recipientaccountid"),
    "from_where": f"CASE WHEN vpcendpointid <> '' THEN coalesce("
    f"{_text('sourceipaddress')}, '-') || ' via ' || vpcendpointid "
    f"ELSE {_text('sourceipaddress')} END",
    "via": "useragent",
    "outcome": _OUTCOME,
    "plane": _PLANE,
    "read_only": "readonly",
}


def _unwrapped(column: str) -> str:
    """EC2's ``{"CreateXRequest": {…}}`` without its name."""
    wrapped = r'^\{"[A-Za-z]+(?:Request|Response)":(\{.*\})\}$'
    return f"coalesce({_extract(column, wrapped)}, {column})"


FIELDS: Final = ("who", "to_what", *_COLUMNS)
"""What can be asked for; ``via`` is the whole user agent."""

CALLER_NAMES: Final = (
    "who",
    "caller",
    "who_account",
    "who_session",
    "who_issuer",
    "source_identity",
    "useridentity.arn",
    "useridentity.accesskeyid",
    "useridentity.principalid",
    "useridentity.username",
)
"""Columns of the view that ``--who`` looks into."""


def view_sql(source: str, services: Collection[str] | None) -> str:
    """The common table expressions that end with ``seen``, the view of each event.

    Its column ``copy`` counts the copies of an event.

    Args:
        source: The table, with conditions on its own columns.
        services: Of the events; None: any.
    """
    columns = ",\n    ".join(f'{sql} AS "{name}"' for name, sql in _COLUMNS.items())
    target, named_by_message, short = targets_sql(services)
    # What people ask with is quoted where the conditions are made.
    return f"""WITH events AS (
  SELECT *,
    {_unwrapped("requestparameters")} AS request,
    {_unwrapped("responseelements")} AS response
  FROM {source.replace(chr(10), chr(10) + "  ")}
), parts AS (
  SELECT *,
    {parts_sql()}
  FROM events
), named AS (
  SELECT useridentity,
    {_CALLER} AS caller,
    {_text(_SOURCE_IDENTITY)} AS source_identity,
    {target} AS target,
    {named_by_message} AS refused,
    {columns},
    CASE WHEN eventid IS NULL THEN 1 ELSE row_number() OVER (
      PARTITION BY eventid, recipientaccountid ORDER BY eventtime) END AS copy
  FROM parts
), seen AS (
  SELECT *,
    CASE WHEN source_identity IS NULL
      OR strpos('/' || caller || '/', '/' || source_identity || '/') > 0
      THEN caller ELSE caller || ' (' || source_identity || ')' END AS who,
    {short} AS to_what
  FROM named
)"""  # noqa: S608 - see above
