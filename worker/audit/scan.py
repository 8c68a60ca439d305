"""All files asked, over all processors.

The files of one batch are read by one process. Processes are made anew rather than
forked, as only the pool's supervisor forks; where there is little to read, or only one
processor, this process does it.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter, defaultdict, deque
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from worker.audit.copies import SeenEvents, event_key
from worker.audit.envelopes import events_in, others_remarks
from worker.audit.merge import Findings, Newest, count_key
from worker.audit.question import answering
from worker.audit.reading import MAX_DOCUMENT_BYTES, read_place, records_of
from worker.errors import PermanentError, RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from worker.audit.places import Place
    from worker.audit.question import Question
    from worker.source.objects import ObjectReader

BATCH_BYTES: Final = 4 << 20
BATCH_FILES: Final = 256
DOWNLOADS: Final = 8
"""Objects that one process downloads at once."""

_BATCHES_PER_PROCESS: Final = 2
_SMALL_BYTES: Final = 8 << 20
"""Below this, making processes takes longer than reading."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be found out, the same for all files.

    Attributes:
        limit: How many views are wanted at most.
        count_by: Fields of the view to count by; none: views are wanted.
        copies: An event counts as often as it comes, instead of once.
    """

    question: Question
    limit: int
    count_by: tuple[str, ...] = ()
    copies: bool = False


@dataclass(slots=True)
class Totals:
    """The sums of all files.

    Attributes:
        counts: Events that were asked for, by the fields that were to be counted by.
        seen: Counts the copies among them.
        records_count: Events looked at, copies included.
        others_count: Records that are no events.
        problems: A line for each file that could not be read to its end.
    """

    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    seen: SeenEvents = field(default_factory=SeenEvents)
    records_count: int = 0
    others_count: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def matched_count(self) -> int:
        """Events that were asked for."""
        return self.counts.total()

    def add(self, found: Findings) -> None:
        """Add what some files answered."""
        self.counts.update(found.counts)
        for key, events in found.keys.items():
            self.counts[key] += self.seen.new_count(events)
        self.records_count += found.records_count
        self.others_count += found.others_count
        self.problems += found.problems

    def remarks(self) -> list[str]:
        """What people should know of records that were left out, a sentence each."""
        return [*self.seen.remarks(), *others_remarks(self.others_count)]


def scan(
    task: Task,
    places: Sequence[Place],
    *,
    processes: int,
    report: Callable[[str], None],
) -> tuple[Totals, Newest]:
    """Ask all files.

    Args:
        task: What is asked.
        places: Newest first, so that older files need not be read once enough newer
            events are found.
        processes: How many at most.
        report: Told each file that cannot be read, a line each.

    Returns:
        The sums of all files, and the newest views.
    """
    newest = Newest(task.limit, copies=task.copies)
    totals = Totals()
    for found in _findings(task, places, newest, processes):
        totals.add(found)
        for problem in found.problems:
            report(problem)
        for seen in found.views:
            newest.add(seen)
    return totals, newest


def _findings(
    task: Task, places: Sequence[Place], newest: Newest, processes: int
) -> Iterator[Findings]:
    batches = _wanted(places, newest)
    is_small = sum(place.size_bytes for place in places) < _SMALL_BYTES
    if processes <= 1 or (is_small and not any(place.bucket for place in places)):
        for batch in batches:
            yield ask(task, batch)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as executor:
        running: deque[Future[Findings]] = deque()
        try:
            for batch in batches:
                running.append(executor.submit(ask, task, batch))
                if len(running) >= _BATCHES_PER_PROCESS * processes:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool as error:
            raise PermanentError(
                "process_died",
                "a process that read files was killed, perhaps for want of memory; "
                "ask for fewer files, or use --processes 1",
            ) from error
        finally:
            for future in running:
                future.cancel()


def _wanted(places: Iterable[Place], newest: Newest) -> Iterator[list[Place]]:
    """Batches, until none can hold anything newer than what is kept already."""
    batch: list[Place] = []
    size_bytes = 0
    for place in places:
        if batch and (size_bytes >= BATCH_BYTES or len(batch) >= BATCH_FILES):
            yield batch
            batch, size_bytes = [], 0
        if _is_older(place.delivered_at, newest.oldest):
            continue
        batch.append(place)
        size_bytes += place.size_bytes
    if batch:
        yield batch


def _is_older(delivered_at: datetime | None, oldest: str | None) -> bool:
    if delivered_at is None or oldest is None:
        return False
    return f"{delivered_at:%Y-%m-%dT%H:%M:%SZ}" < oldest


def ask(task: Task, places: Sequence[Place]) -> Findings:
    """Ask the files of one batch; those that cannot be read are told of."""
    answer = answering(task.question)
    newest = Newest(task.limit, copies=task.copies)
    found = Findings()
    events: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    records_count = others_count = 0
    count_by, copies = task.count_by, task.copies
    for place, read in _read(places):
        try:
            for record in events_in(records_of(read())):
                if record is None:
                    others_count += 1
                    continue
                records_count += 1
                seen = answer(record)
                if seen is None:
                    continue
                key = count_key(seen, count_by) if count_by else ()
                event = None if copies else event_key(seen)
                if event is None:
                    found.counts[key] += 1
                else:
                    events[key].append(event)
                if not count_by:
                    newest.add(seen)
        except (PermanentError, RetriableError) as error:
            sentence = str(error)
            is_named = place.url in sentence
            found.problems.append(sentence if is_named else f"{place.url}: {sentence}")
    return replace(
        found,
        keys=dict(events),
        views=newest.newest_first(),
        records_count=records_count,
        others_count=others_count,
    )


def _read(places: Sequence[Place]) -> Iterator[tuple[Place, Callable[[], object]]]:
    """Each file with the function that gives its bytes; downloads go on ahead."""
    if not any(place.bucket for place in places):
        for place in places:
            yield place, partial(read_place, place, None)
        return
    reader = _object_reader()
    with ThreadPoolExecutor(DOWNLOADS) as threads:
        ahead: deque[tuple[Place, Future[object]]] = deque()
        for place in places:
            ahead.append((place, threads.submit(read_place, place, reader)))
            if len(ahead) > 2 * DOWNLOADS:
                first, future = ahead.popleft()
                yield first, future.result
        while ahead:
            first, future = ahead.popleft()
            yield first, future.result


_readers: Final[list[ObjectReader]] = []


def _object_reader() -> ObjectReader:
    """One a process, made in it."""
    if not _readers:
        from worker.source.own_aws import object_reader  # noqa: PLC0415 - only with S3

        _readers.append(object_reader(max_bytes=MAX_DOCUMENT_BYTES))
    return _readers[0]
