"""What is said around a template, as comments."""

from __future__ import annotations

import json
import shlex
import textwrap
from typing import TYPE_CHECKING, Final

from worker.aws_setup.announcing import new_configuration
from worker.aws_setup.daemon_config import daemon_config
from worker.aws_setup.wiring import TRAIL_PREFIX, Via

if TYPE_CHECKING:
    from worker.aws_setup.wiring import Wiring

_WIDTH: Final = 86


def command(wiring: Wiring, *more: str) -> str:
    """The command that sets up the same.

    Args:
        wiring: What is wanted.
        more: Options that come after.
    """
    words = ["trailfeed", "setup", "--bucket", wiring.bucket, "--queue", wiring.queue]
    words += ["--region", wiring.region, "--account", wiring.account]
    if wiring.is_foreign_bucket:
        words += ["--bucket-account", wiring.bucket_account]
    if wiring.prefix != TRAIL_PREFIX:
        words += ["--prefix", wiring.prefix]
    match wiring.via:
        case Via.SNS:
            words.append("--via-sns")
            if wiring.topic != wiring.queue:
                words += ["--topic", wiring.topic]
        case Via.EVENTBRIDGE:
            words.append("--via-eventbridge")
            if wiring.rule != wiring.queue:
                words += ["--rule", wiring.rule]
        case Via.S3:
            pass
    if wiring.role:
        words += ["--role", wiring.role]
    for arn in wiring.kms_keys:
        words += ["--kms-key", arn]
    words += ["--send"] if wiring.can_send else []
    words += [] if wiring.has_reader else ["--no-policy"]
    words += ["--new-bucket"] if wiring.is_new_bucket else []
    return shlex.join([*words, *more])


def comment(*paragraphs: str) -> str:
    """Paragraphs as comment lines, with an empty one between them."""
    return "#\n".join(
        "".join(f"# {line}\n" for line in textwrap.wrap(paragraph, _WIDTH))
        for paragraph in paragraphs
    )


def verbatim(*lines: str) -> str:
    """Lines to be copied, as an indented comment."""
    return "#\n" + "".join(f"#     {line}\n" for line in lines)


def foreign_remark(wiring: Wiring) -> str:
    """What the account of a foreign bucket has to do."""
    text = comment(
        f"The bucket is account {wiring.bucket_account}'s. That one lets the reader "
        "read in the bucket's policy, and adds this to the notifications that the "
        "bucket has (S3 takes the whole configuration at once):"
    )
    return text + verbatim(json.dumps(new_configuration(wiring)))


def config_remark(wiring: Wiring) -> str:
    """The trailfeed.toml that goes with it."""
    lines = daemon_config(wiring).splitlines()
    return "# trailfeed.toml:\n#\n" + "".join(
        f"#     {line}".rstrip() + "\n" for line in lines
    )


def subject(wiring: Wiring) -> str:
    """What all of it is for."""
    place = f" under {wiring.prefix}" if wiring.prefix else ""
    return (
        f"New objects of the bucket {wiring.bucket}{place} announced in the queue "
        f"{wiring.queue}, and what trailfeed needs to read both."
    )
