"""Pull requests as files in a folder: `<number>.json` is the record, `<number>.md` the page a person reads.

Every record is whole or absent (a fresh file, synced, renamed, the folder synced), one writer at a time by a lock
file; pages are written anew where they are missing. A number is taken for good before its record exists, so a kill
may leave a gap, never a second owner.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from orchestrator.errors import Refused, Unusable
from orchestrator.model.base import Sha, Value
from orchestrator.model.facts import PullState

_COUNTER = "last-number"


class Note(Value):
    """Something said beside a pull request, at the head it was said about."""

    head: Sha
    text: str


class Record(Value):
    """One pull request, as stored."""

    number: Annotated[int, Field(ge=1)]
    branch: str
    base: str
    head: Sha
    """Where the branch was when it was last looked at."""
    title: str
    body: str
    draft: bool = False
    state: PullState = PullState.OPEN
    notes: tuple[Note, ...] = ()

    def page(self) -> str:
        """Return the pull request as markdown."""
        state = "draft" if self.draft and self.state is PullState.OPEN else str(self.state)
        head = f"# {self.title}\n\n#{self.number} · {state} · `{self.branch}` into `{self.base}` · `{self.head}`\n"
        notes = "".join(f"\n---\n\nAt `{note.head}`:\n\n{note.text.strip()}\n" for note in self.notes)
        return f"{head}\n{self.body.strip()}\n{notes}"


class Records:
    """The pull requests of one folder. Read anew only where a file changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[Path, tuple[tuple[int, int, int], Record]] = {}
        self._paged: set[Path] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unusable(f"cannot make {folder}: {error.strerror}; name another state directory") from error

    def all(self) -> list[Record]:
        """Return every record by number. Raises Unusable for one that cannot be read."""
        return sorted((self._read(file) for file in self.folder.glob("[0-9]*.json")), key=lambda record: record.number)

    def save(self, record: Record) -> Record:
        """Store the record and its page; storing what is there changes nothing. For the holder of the lock."""
        self._put(self._file(record.number), json.dumps(record.document(), indent=2) + "\n")
        self._put(self.page_of(record.number), record.page(), durable=False)
        return record

    def next_number(self) -> int:
        """Take the next number, for good. For the holder of the lock."""
        number = self.last_number() + 1
        self._put(self.folder / _COUNTER, f"{number}\n")
        return number

    def copy_to(self, other: "Records") -> int:
        """Store every record in another folder, which may hold the same ones already; return how many there are.

        Raises Refused, before anything is written, where another record has one of the numbers."""
        records = self.all()
        with other.lock():
            there = {record.number: record for record in other.all()}
            if taken := [r.number for r in records if there.get(r.number, r) != r]:
                numbers = ", ".join(f"#{number}" for number in taken)
                raise Refused(f"pull requests {numbers} are others in {other.folder}; name an empty folder")
            for record in records:
                other.save(record)
            # Numbers that were given out and lost stay lost, so that no two pull requests ever had one.
            other.keep_from(self.last_number())
        return len(records)

    def last_number(self) -> int:
        """Return the highest number that was ever taken; 0 for none."""
        counter = self.folder / _COUNTER
        last = int(counter.read_text()) if counter.exists() else 0
        return max([last, *(record.number for record in self.all())])

    def keep_from(self, last: int) -> None:
        """Make the next number at least the one after `last`. For the holder of the lock."""
        if last > self.last_number():
            self._put(self.folder / _COUNTER, f"{last}\n")

    def page_of(self, number: int) -> Path:
        """Return where a pull request's page is."""
        return self.folder / f"{number:04}.md"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other writers out while the block runs, in this process or another."""
        try:
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Unusable(f"cannot write in {self.folder}: {error.strerror}; make room or name another one") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _read(self, file: Path) -> Record:
        """Return one record, and see to its page if a kill came between the two."""
        try:
            found = file.stat()
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            kept = self._kept.get(file)
            if kept is None or kept[0] != version:
                kept = (version, Record.model_validate_json(file.read_bytes()))
                self._kept[file] = kept
        except (OSError, ValidationError) as error:
            raise Unusable(f"{file} is not a pull request any more ({error}); restore it or remove it") from error
        record = kept[1]
        if file not in self._paged:
            self._put(self.page_of(record.number), record.page(), durable=False)
            self._paged.add(file)
        return record

    def _put(self, file: Path, text: str, *, durable: bool = True) -> None:
        """Replace a file in one step; where it is `durable`, a power cut does not undo it. Pages can be made anew."""
        content = text.encode()
        try:
            if file.exists() and file.read_bytes() == content:
                return
            fresh = self.folder / f".{file.name}.fresh"
            with fresh.open("wb") as target:
                target.write(content)
                target.flush()
                if durable:
                    os.fsync(target.fileno())
            fresh.replace(file)
            if not durable:
                return
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise Unusable(f"cannot write {file}: {error.strerror}; make room and start again") from error

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:04}.json"
