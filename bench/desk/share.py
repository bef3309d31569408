"""What ten processes that read the same bars cost: mapped, copied by Arrow, and unpickled, side by side.

Each process reads every column of every bar and says when it was done and what memory it has of its own. Pages of a
mapped file belong to nobody: they are there once for all, which `once for all` counts.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import NamedTuple

from trading.data import generate, shared
from trading.data.bars import COLUMNS, Bars
from trading.model import Symbol

ROOT = Path(__file__).resolve().parent.parent.parent
AAPL = Symbol.parse("AAPL.NASDAQ")
READ = {
    "mapped": "from trading.data import shared; bars = shared.mapped(Path(sys.argv[1]))\n"
    "columns = [getattr(bars, name) for name in sys.argv[3].split(',')]",
    "copied": "import pyarrow as pa; from trading.data import arrow\n"
    "batch = pa.ipc.open_file(pa.OSFile(sys.argv[1])).get_batch(0)\n"
    "columns = [arrow.numbers(batch.column(name)) for name in sys.argv[3].split(',')]",
    "unpickled": "import pickle; columns = pickle.loads(Path(sys.argv[2]).read_bytes())",
}
SCRIPT = """
import sys, time
from pathlib import Path
import pyarrow, trading.data.shared
def kilobytes(*names):
    rows = (line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(row[1]) for row in rows if row[0].rstrip(":") in names)
own = ("Private_Clean", "Private_Dirty")
before, began = kilobytes(*own), time.perf_counter()
{read}
# Looked at, every number of it, without making a number of each: what is not looked at is not there yet.
total = sum(sum(memoryview(column).cast("B")[::512]) if {flat} else sum(column[::64]) for column in columns)
took = time.perf_counter() - began
print(took, kilobytes(*own) - before, kilobytes("Rss"), len(columns[0]), flush=True)
sys.stdin.read()
"""


class Way(NamedTuple):
    """What a way of reading came to, over all processes."""

    ready_ms: float
    own_mb: float
    """Memory that a process has more than before, and shares with nobody."""
    together_mb: float
    """All processes' memory, pages that several have counted once: the sum of proportional sizes."""


def measured(name: str, arrow: Path, pickled: Path, count: int) -> Way:
    """Return what so many processes that read at once come to."""
    script = SCRIPT.format(read=READ[name], flat=name != "unpickled")
    words = [sys.executable, "-c", script, str(arrow), str(pickled), ",".join(COLUMNS)]
    ran = [subprocess.Popen(words, stdin=-1, stdout=-1, text=True, cwd=ROOT) for _ in range(count)]
    try:
        told = []
        for process in ran:
            assert process.stdout is not None
            told.append(process.stdout.readline().split())
        # Looked at while all of them are there.
        pss = [_proportional(process.pid) for process in ran]
    finally:
        for process in ran:
            process.communicate()
    assert len({each[3] for each in told}) == 1
    own = statistics.median(int(each[1]) for each in told)
    return Way(max(float(each[0]) for each in told) * 1000, own / 1024, sum(pss) / 1024)


def _proportional(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def main() -> None:
    """Print what each way costs, and what it costs against mapping."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=10)
    args = parser.parse_args()
    bars: Bars = generate.minutes([AAPL], date(2012, 1, 3), args.bars, 1)
    with tempfile.TemporaryDirectory() as folder:
        arrow, pickled = Path(folder) / "bars.arrow", Path(folder) / "bars.pickle"
        shared.write(bars, arrow)
        pickled.write_bytes(pickle.dumps([list(getattr(bars, name)) for name in COLUMNS], protocol=5))
        size = arrow.stat().st_size / 2**20
        print(f"{args.bars} bars, {size:.0f} MB as Arrow, {args.processes} processes that read all of it at once")
        found = {name: measured(name, arrow, pickled, args.processes) for name in READ}
    print(f"  {'':<10} {'last ready':>12} {'own memory':>12} {'all together':>14}")
    for name, way in found.items():
        print(f"  {name:<10} {way.ready_ms:>9.1f} ms {way.own_mb:>9.1f} MB {way.together_mb:>11.1f} MB")
    mapped, copied = found["mapped"], found["copied"]
    spared = copied.together_mb - mapped.together_mb
    print(
        f"  mapped, {args.processes} processes spare {spared:.0f} MB of {size * args.processes:.0f} MB that copies take"
    )


if __name__ == "__main__":
    main()
