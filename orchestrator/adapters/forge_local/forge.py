"""The `Forge` port on one machine: branches are refs of the user's repository, pull requests are files in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.adapters.forge_local.landing import land
from orchestrator.adapters.forge_local.records import Note, Record, Records
from orchestrator.adapters.forge_local.repository import Checkouts, Repository
from orchestrator.errors import Invalid, Transient
from orchestrator.model.base import Sha
from orchestrator.model.facts import Foreign, LandOutcome, PullRequest, PullState, PullText, Pushed
from orchestrator.model.train import Landing, WorkTree

HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class _Heads:
    """Where branches are, and for each base the branches it holds."""

    refs: Mapping[str, Sha]
    held: Mapping[str, frozenset[str]]


class LocalForge:
    """Pull requests without a server. `folder` is its own; the repository and its work trees are the user's."""

    def __init__(self, repository: Repository, checkouts: Checkouts, records: Records) -> None:
        self._repository = repository
        self._checkouts = checkouts
        self._records = records
        self._urls: dict[int, str] = {}
        self._seen = _Heads({}, {})

    def pulls(self) -> list[PullRequest]:
        """Return every pull request by number. An open one whose head the base holds has been merged."""
        with self._records.lock():
            records = self._records.all()
            self._seen = self._heads(records)
            return [self._pull(self._refreshed(record, self._seen)) for record in records]

    def push(self, branch: str, head: Sha, expected: Sha | None) -> Pushed | Foreign:
        """Move the branch to `head` if it is at `expected` (None: absent) or there already; else say where it is.

        Raises Transient while somebody has the branch checked out: their index would no longer fit it.
        """
        ref = f"{HEADS}{branch}"
        actual = self._repository.ref(ref)
        if actual == head:
            return Pushed(head)
        if actual != expected:
            return Foreign(actual)
        checkout = self._checkouts.facts(branch, actual) if actual is not None else None
        if checkout is not None:
            raise Transient(f"`{branch}` is checked out in {checkout.path}; switch to another branch there", 10)
        if self._repository.move(ref, head, expected):
            return Pushed(head)
        actual = self._repository.ref(ref)
        return Pushed(head) if actual == head else Foreign(actual)

    def propose(self, branch: str, base: str, text: PullText) -> PullRequest:
        """Open the branch's pull request, or bring the open one to this text. Raises Invalid without the branch."""
        head = self._repository.ref(f"{HEADS}{branch}")
        if head is None:
            raise Invalid(f"there is no branch `{branch}` to open a pull request for; push it first")
        with self._records.lock():
            records = self._records.all()
            open_here = [each for each in records if each.branch == branch and each.state is PullState.OPEN]
            mine = (self._refreshed(record, self._heads(open_here)) for record in open_here)
            found = next((record for record in mine if record.state is PullState.OPEN), None)
            said = {"base": base, "head": head, "title": text.title, "body": text.body, "draft": text.draft}
            if found is not None:
                return self._pull(self._records.save(found.model_copy(update=said)))
            number = self._records.next_number()
            return self._pull(self._records.save(Record.model_validate({"number": number, "branch": branch, **said})))

    def amend(self, number: int, *, draft: bool | None = None, close: bool = False, note: str = "") -> None:
        """Turn the pull request into a draft or back, close it, leave a note at its head. Twice is once."""
        with self._records.lock():
            records = self._records.all()
            record = next((record for record in records if record.number == number), None)
            if record is None:
                raise Invalid(f"there is no pull request {number} in {self._records.folder}")
            record = self._refreshed(record, self._heads([record]))
            said = Note(head=record.head, text=note)
            notes = record.notes if not note or said in record.notes else (*record.notes, said)
            state = PullState.CLOSED if close and record.state is PullState.OPEN else record.state
            drafted = record.draft if draft is None else draft
            self._records.save(record.model_copy(update={"draft": drafted, "state": state, "notes": notes}))

    def work_tree(self, base: str) -> WorkTree | None:
        """Return the checkout that landing on `base` would have to move along, as it is now."""
        tip = self._repository.ref(f"{HEADS}{base}")
        checkout = self._checkouts.facts(base, tip) if tip is not None else None
        return WorkTree(path=checkout.path, index_tree=checkout.index_tree) if checkout is not None else None

    def land(self, base: str, landing: Landing) -> LandOutcome:
        """Advance `base` to the tested commit by compare-and-swap; called again, finish what was begun."""
        return land(self._repository, self._checkouts, base, landing)

    def _heads(self, records: list[Record]) -> _Heads:
        """Return where the branches of open pull requests are, and which of them the bases hold."""
        waiting = [record for record in records if record.state is PullState.OPEN]
        bases = sorted({f"{HEADS}{record.base}" for record in waiting})
        # By folder: thousands of branches make too long a command line.
        folders = sorted({f"{HEADS}{record.branch.rpartition('/')[0] or record.branch}" for record in waiting})
        refs = dict(self._repository.refs(*bases, *folders)) if waiting else {}
        if refs == self._seen.refs:
            return self._seen
        tips = {base: refs[base] for base in bases if base in refs}
        return _Heads(
            refs, {base: frozenset(self._repository.refs_within(tip, *folders)) for base, tip in tips.items()}
        )

    def _refreshed(self, record: Record, heads: _Heads) -> Record:
        """Return the record with its branch's present head, merged if the base holds it; what was learnt is stored."""
        if record.state is not PullState.OPEN:
            return record
        branch, base = f"{HEADS}{record.branch}", f"{HEADS}{record.base}"
        head, tip = heads.refs.get(branch, record.head), heads.refs.get(base)
        if tip is None:
            held = False
        else:
            held = branch in heads.held[base] if branch in heads.refs else self._repository.contains(tip, head)
        if head == record.head and not held:
            return record
        if held and head != record.head and not self._repository.contains(tip or head, record.head):
            return record.model_copy(update={"head": head})  # A branch set back to what the base had merges nothing.
        state = PullState.MERGED if held else PullState.OPEN
        return self._records.save(record.model_copy(update={"head": head, "state": state}))

    def _url(self, number: int) -> str:
        # Kept: every tick asks for every pull request, and resolving a path asks the file system for each part of it.
        if number not in self._urls:
            self._urls[number] = self._records.page_of(number).resolve().as_uri()
        return self._urls[number]

    def _pull(self, record: Record) -> PullRequest:
        return PullRequest(
            number=record.number,
            url=self._url(record.number),
            branch=record.branch,
            head=record.head,
            title=record.title,
            draft=record.draft,
            state=record.state,
        )
