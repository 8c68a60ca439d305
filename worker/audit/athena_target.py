"""What an event acted on, as SQL: from the same table of services as for files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.transform.audit.resource import (
    FILTER_ENDINGS,
    FILTERS,
    ITEM_NAMES,
    MAKING,
    NAMING,
    NAMING_ENDINGS,
    NOT_NAMING,
)
from worker.transform.audit.resource_table import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_PARTS: Final = {"": "request", ">": "response", "+": "additionaleventdata"}

_TEXT: Final = r'"(?:[^"\\]|\\.)*"'


def _inside(levels: int) -> str:
    """A pattern for what is between braces or brackets, so many levels deep."""
    if not levels:
        return rf'(?:[^"{{}}\[\]]|{_TEXT})*'
    deeper = _inside(levels - 1)
    return rf'(?:[^"{{}}\[\]]|{_TEXT}|\{{{deeper}\}}|\[{deeper}\])*'


_VALUE: Final = rf'(?:{_TEXT}|[^"{{}}\[\],]+|\{{{_inside(3)}\}}|\[{_inside(3)}\])'
_MEMBER: Final = rf"{_TEXT}:{_VALUE},"
_ITEM: Final = f"[A-Za-z]*Id|{'|'.join(sorted(ITEM_NAMES))}"

_REFUSED: Final = (
    r"""on resource: ["'']?(?:(?:user|group|role|policy|instance profile) )?"""
    r"""([^\s"'',]*[^\s"'',.;])"""
)


def targets_sql(services: Collection[str] | None) -> tuple[str, str, str]:
    """What names the resource, what a denial's message names, and the short name.

    Args:
        services: Of the events; None: any that the table knows.

    Returns:
        Three expressions; the last one is of the columns ``target`` and ``refused``.
    """
    known = [*RESOURCES] if services is None else services
    lines = {service: RESOURCES[service] for service in known if service in RESOURCES}
    making = " OR ".join(f"eventname LIKE '{prefix}%'" for prefix in MAKING)
    choices = [
        f"CASE WHEN eventsource = 'ec2.amazonaws.com' AND ({making}) "
        f"THEN coalesce({', '.join(made)}) END"
        for made in [[*_paths(lines.get("ec2", ""), ">"), *_guesses("response")]]
        if "ec2" in lines
    ]
    choices += _by_service(lines, "")
    choices.append(_of_resources())
    choices += [*_by_service(lines, ">"), *_by_service(lines, "+")]
    for column in _GUESSED:
        choices += _guesses(column)
    choices += _of_filters()
    target = "coalesce(\n      " + ",\n      ".join(choices) + ")"
    refused = f"nullif(regexp_extract(errormessage, '{_REFUSED}', 1), '')"
    any_of_kind = r"^(?:[^:]*:){5}([^:/]+[:/]\*)$"
    short = (
        f"coalesce({_short('target')}, "
        f"nullif(regexp_extract(refused, '{any_of_kind}', 1), ''), {_short('refused')})"
    )
    return target, refused, short


def _by_service(lines: dict[str, str], part: str) -> Iterable[str]:
    whens = [
        f"WHEN '{service}.amazonaws.com' THEN coalesce({', '.join(paths)}, NULL)"
        for service, line in lines.items()
        if (paths := [*_paths(line, part)])
    ]
    if whens:
        yield "CASE eventsource\n        " + "\n        ".join(whens) + " END"


def _paths(line: str, part: str) -> Iterable[str]:
    """What the entries of one service give in one part of the event."""
    for entry in line.split():
        path = entry.partition(":")[2]
        of_part = path[0] if path[0] in _PARTS else ""
        if of_part != part:
            continue
        column = _PARTS[part]
        path, _, more = path.removeprefix(part).partition("/")
        first = f"nullif(json_extract_scalar({column}, '$.{path}'), '')"
        if "*" in path:
            yield _of_list(column, path)
        elif more:
            second = f"nullif(json_extract_scalar({column}, '$.{more}'), '')"
            yield f"{first} || '/' || {second}"
        if "*" not in path:
            yield first


def _of_list(column: str, path: str) -> str:
    """The first entry, and how many more there are."""
    entries, _, rest = path.partition(".*")
    count = f"json_array_length(json_extract({column}, '$.{entries}'))"
    first = f"json_extract_scalar({column}, '$.{entries}[0]{rest}')"
    return f"{first} || {_counted(count)}"


def _counted(count: str) -> str:
    more = f"CAST(CAST({count} AS bigint) - 1 AS varchar)"
    return f"CASE WHEN {count} > 1 THEN ' +' || {more} ELSE '' END"


def _of_resources() -> str:
    first = "element_at(resources, 1)"
    more = _counted("cardinality(resources)")
    return f"coalesce({first}.arn, {first}.arnprefix) || {more}"


def parts_sql() -> str:
    """Columns that :func:`targets_sql` needs: texts of what is named without a table.

    ``…_name`` and ``…_value`` are the first member whose name says that it names
    something, ``…_items`` the entries of the first of EC2's sets that has ids, and
    ``filter_…`` the values of the first filter that names something.
    """
    names = "|".join((f"[A-Za-z0-9_]*(?:{'|'.join(NAMING_ENDINGS)})", *sorted(NAMING)))
    content = r'\{[^{}]*"content":'
    member = rf'^\{{(?:{_MEMBER})*?"({names})":(?:{content}|\[)?"([^"\\]+)"'
    items = (
        rf'^\{{(?:{_MEMBER})*?"[A-Za-z]+Set":'
        rf'\{{"items?":(\[(?:[^\[\]"]|{_TEXT})*?"(?:{_ITEM})":[^\]]*\])'
    )
    columns = {}
    for column in _GUESSED:
        columns[f"{column}_name"] = (column, member, 1)
        columns[f"{column}_value"] = (column, member, 2)
        columns[f"{column}_items"] = (column, items, 1)
    name = f'"[^"]*(?:{"|".join(FILTER_ENDINGS)})"|"(?:{"|".join(sorted(FILTERS))})"'
    begin = rf"\[(?:{_inside(4)},)??"
    columns["filter_set"] = (
        "request",
        rf'"filterSet":\{{"items":{begin}\{{"name":(?:{name}),'
        r'"valueSet":\{"items":(\[[^\]]*\])',
        1,
    )
    columns["filter_list"] = (
        "request",
        rf'"(?:filters|parameterFilters)":{begin}\{{"(?:name|key)":(?:{name}),'
        r'(?:"option":"[^"]*",)?"values":(\[[^\]]*\])',
        1,
    )
    # Either name or value comes first; one of them at least must be what it should.
    value = r'"Value":\{[^{}]*"content":"([^"]+)"[^{}]*\}'
    tag = r',(?:"tag":\d+,)?'
    columns["filter_1"] = ("request", rf'"Filter":\{{"Name":(?:{name}){tag}{value}', 1)
    columns["filter_2"] = ("request", rf'"Filter":\{{{value}{tag}"Name":(?:{name})', 1)
    return ",\n    ".join(
        f"nullif(regexp_extract({column}, '{pattern}', {group}), '') AS {part}"
        for part, (column, pattern, group) in columns.items()
    )


_GUESSED: Final = ("request", "response", "serviceeventdetails")


def _guesses(column: str) -> list[str]:
    """What :func:`parts_sql` found in one part of the event."""
    excluded = ", ".join(f"'{name}'" for name in sorted(NOT_NAMING))
    count = f"json_array_length(json_extract({column}, '$.' || {column}_name))"
    value = f"{column}_value || {_counted(count)}"
    return [
        f"CASE WHEN {column}_name NOT IN ({excluded}) THEN {value} END",
        _first_of(f"{column}_items", _ITEM),
    ]


def _of_filters() -> list[str]:
    count = _counted("json_array_length(filter_list)")
    return [
        _first_of("filter_set", "value"),
        f"json_extract_scalar(filter_list, '$[0]') || {count}",
        "filter_1",
        "filter_2",
    ]


def _first_of(items: str, name: str) -> str:
    """Of a list's text, the first entry of that name, and how many more there are."""
    found = rf'"({name})":"([^"]+)"'
    kind = f"'\"' || regexp_extract({items}, '{found}', 1) || '\":\"'"
    count = f"(length({items}) - length(replace({items}, {kind}, ''))) / length({kind})"
    first = f"nullif(regexp_extract({items}, '{found}', 2), '')"
    return f"{first} || {_counted(count)}"


def _short(column: str) -> str:
    whole = f"regexp_extract({column}, '^(?:[^:]*:){{5}}(.+)$', 1)"
    named = f"regexp_extract({column}, '^(?:[^:]*:){{5}}(?:[^:/]*[:/])?(.+)$', 1)"
    url = f"regexp_extract({column}, '([^/]+)/*$', 1)"
    return (
        f"CASE WHEN {column} LIKE 'arn:%' THEN coalesce(nullif(CASE "
        f"WHEN split_part({column}, ':', 3) IN ('s3', 'sns', 'sqs') THEN {whole} "
        f"ELSE {named} END, ''), {column}) "
        f"WHEN {column} LIKE 'https://%' OR {column} LIKE 'http://%' THEN {url} "
        f"ELSE {column} END"
    )
