"""From an object's bytes to records: [decode], [filter], [redact], [enrich]."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from worker.config import values
from worker.config.section import Section


class DecodeConfig(Section):
    """``[decode]``."""

    format: Literal["json", "csv", "wsv", "lines"] = "json"
    """What the object is once decompressed."""
    compression: Literal["auto", "gzip", "zstd", "bzip2", "xz", "none"] = "auto"
    """How the object is compressed; ``auto`` looks at its first bytes."""
    charset: values.Charset = "utf-8"
    """Character set of the text."""
    record_location: values.Place = ""
    """Dotted path of the part to emit; records without it are dropped; empty: all.
    An array there gives a record an element."""
    shape: Literal["event", "file"] = "event"
    """One record per entry of ``Records``, or one per file that holds the array."""
    with_metadata: bool = False
    """Whether each record says where it came from (bucket, key, region, index …)."""
    metadata_field: values.NonEmpty = "_metadata"
    """The field that ``with_metadata`` adds."""
    id_field: str = ""
    """The field for a deterministic record id; empty: none."""
    time_field: Annotated[values.Place, Field(min_length=1)] = "eventTime"
    """Dotted path of the record's time."""
    time_format: values.TimeFormat = "iso8601"
    """``iso8601``, ``epoch_s``, ``epoch_ms``, or a strptime format."""
    csv_columns: values.Listed[values.NonEmpty] = ()
    """Column names of ``csv`` and ``wsv``; empty: the first row has them."""
    csv_delimiter: values.Delimiter = ","
    """The one character between columns of ``csv``."""
    max_object_bytes: values.PositiveCount = 1_073_741_824
    """Largest decompressed object in bytes; a larger one is a bad object."""
    max_ratio: values.PositiveCount = 1_000
    """Largest decompressed / compressed size; above it the object is a bad one."""


class FilterConfig(Section):
    """``[filter]``."""

    include: values.Listed[values.FilterRule] = ()
    """Rules, any of which lets a record pass; empty: all pass."""
    exclude: values.Listed[values.FilterRule] = ()
    """Rules, any of which drops a record."""


class RedactConfig(Section):
    """``[redact]``."""

    paths: values.Listed[values.RecordPath] = ()
    """Dotted paths to redact: ``*`` for any key or index, ``**`` for any depth."""
    presets: values.Listed[
        Literal["sqs-message-content", "sns-message-content", "credentials", "secrets"]
    ] = ()
    """Ready lists of paths."""
    action: Literal["mask", "remove", "hash"] = "mask"
    """What is done with the value."""
    hash_key: SecretStr = SecretStr("")
    """Key of the keyed hash that ``action = "hash"`` writes."""


class EnrichConfig(Section):
    """``[enrich]``."""

    audit: bool = False
    """Whether each record gets a field ``audit``: who did what, on what, from where."""
    # pydantic's own ``schema`` method takes the key's name.
    target_schema: Literal["none", "ecs", "ocsf"] = Field(
        default="none", alias="schema"
    )
    """The schema that records are translated to."""
