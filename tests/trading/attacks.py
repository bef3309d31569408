"""What a strategy could try to get an order out past the gate. Run in a process of the strategy's own uid.

Every attack returns what it achieved; the empty text means that it got nowhere. Whether one did is not its own word:
the test looks at the broker.
"""

from __future__ import annotations

import array
import ctypes
import gc
import importlib
import itertools
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from trading.gate import egress, wire
from trading.gate.egress import SocketBroker, Submission
from trading.gate.settings import Places
from trading.gate.wire import Caller

CLONE_NEWUSER = 0x10000000
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 16, 434, 438
BAD = Submission("stolen-1", "AAPL.NASDAQ", "buy", 1, 300_000_000_000, "day", False, 10**6)


class Attacks:
    """The attacker's tools, on one desk."""

    def __init__(self, where: Places, words: dict[str, Any]) -> None:
        self.where = where
        self.gate = int(words["gate_pid"])
        self.words = words

    def import_the_door(self) -> str:
        """Import egress by name and use it."""
        module = importlib.import_module("trading.gate.egress")
        broker = module.SocketBroker(self.where.broker_socket)
        return str(broker.submit(BAD).phase)

    def another_endpoint(self) -> str:
        """Ask the door for a live account."""
        SocketBroker(self.where.broker_socket, "https://api.alpaca.markets")
        return "a door to a live account"

    def patch_the_check(self) -> str:
        """Replace the check in our own process: the one that counts runs elsewhere."""
        egress.is_paper_endpoint = lambda endpoint: True  # type: ignore[assignment]
        return str(SocketBroker(self.where.broker_socket, "x").submit(BAD).phase)

    def walk_the_heap(self) -> str:
        """Look for a broker, a gate or a key among our own objects."""
        ours = [type(o) for o in gc.get_objects() if type(o).__module__.startswith("trading.")]
        wanted = ("GateServer", "Gatekeeper", "BrokerServer", "PaperBroker", "Store", "SocketBroker")
        return ",".join(kind.__name__ for kind in ours if kind.__name__ in wanted)

    def walk_the_frames(self) -> str:
        """Look for one among the callers' variables."""
        frame, found = sys._getframe(), ""
        while frame is not None:
            found += "".join(n for n, v in frame.f_locals.items() if type(v).__name__ in ("GateServer", "Store"))
            frame = frame.f_back  # type: ignore[assignment]
        return found

    def trace_the_gate(self) -> str:
        """Attach a debugger."""
        return "attached" if LIBC.ptrace(PTRACE_ATTACH, self.gate, None, None) == 0 else ""

    def read_the_gates_memory(self) -> str:
        """Open its memory."""
        with open(f"/proc/{self.gate}/mem", "r+b"):
            return "memory"

    def write_the_gates_memory(self) -> str:
        """Write into it without opening anything."""
        buffer = ctypes.create_string_buffer(b"x")
        pair = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 1)
        there = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 1)
        done = LIBC.process_vm_writev(self.gate, ctypes.byref(pair), 1, ctypes.byref(there), 1, 0)
        return "wrote" if done > 0 else ""

    def list_its_descriptors(self) -> str:
        """Look for the broker's connection among its open files."""
        return ",".join(os.listdir(f"/proc/{self.gate}/fd"))

    def take_its_descriptors(self) -> str:
        """Have the kernel copy them."""
        pidfd = LIBC.syscall(SYS_PIDFD_OPEN, self.gate, 0)
        found = [n for n in range(3, 30) if LIBC.syscall(SYS_PIDFD_GETFD, pidfd, n, 0) >= 0]
        return ",".join(map(str, found))

    def inherit_them(self) -> str:
        """Use whatever socket we were started with."""
        found = ""
        for number in range(3, 64):
            try:
                os.write(number, json.dumps({"do": "submit", "order": {}}).encode())
                found += f"{number} "
            except OSError:
                continue
        return found

    def read_its_environment(self) -> str:
        """Look for a key."""
        return Path(f"/proc/{self.gate}/environ").read_bytes().decode(errors="replace")[:20]

    def fork(self) -> str:
        """Try it from a child."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, SocketBroker(self.where.broker_socket).submit(BAD).phase.encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        return os.read(reader, 100).decode()

    def raw_socket(self) -> str:
        """Write packets."""
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW):
            return "raw"

    def raw_message_to_the_broker(self) -> str:
        """Speak to the broker by hand."""
        answer = Caller(self.where.broker_socket).ask({"do": "submit", "order": {"client_id": "stolen-2"}})
        return "" if "error" in answer else json.dumps(answer)

    def forged_credentials(self) -> str:
        """Send somebody else's credentials along."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(str(self.where.broker_socket))
            claim = struct.pack("3i", self.gate, self.words["uids"]["gate"], self.words["gid"])
            connection.sendmsg([b'{"do":"observe","after":0}'], [(socket.SOL_SOCKET, 2, claim)])
            answer = wire.receive(connection)
        return "" if b"error" in answer else answer.decode()

    def become_the_gate(self) -> str:
        """Change our uid."""
        os.setresuid(*[self.words["uids"]["gate"]] * 3)
        return "uid"

    def borrow_a_descriptor(self) -> str:
        """Ask the gate to hand one over."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(str(self.where.gate_socket))
            connection.settimeout(2)
            connection.sendall(b'{"do":"status"}')
            _, ancillary, _, _ = connection.recvmsg(100_000, socket.CMSG_SPACE(16))
            return ",".join(str(list(array.array("i", data))) for _, _, data in ancillary)

    def arm(self) -> str:
        """Arm the desk as an operator would."""
        answer = Caller(self.where.gate_socket).ask({"do": "arm", "by": "operator", "reason": "please"})
        return "" if "error" in answer else json.dumps(answer)

    def tell_a_quote(self) -> str:
        """Make up a market in which the order looks fine."""
        quote = {"symbol": "AAPL.NASDAQ", "bid": "1.00", "ask": "1.01", "previous_close": "1.00", "at": 1}
        answer = Caller(self.where.gate_socket).ask({"do": "quote"} | quote)
        return "" if "error" in answer else json.dumps(answer)

    def loosen_the_limits(self) -> str:
        """Ask for other limits."""
        answer = Caller(self.where.gate_socket).ask({"do": "limits", "limits": {}})
        return "" if "error" in answer else json.dumps(answer)

    def speak_for_another(self) -> str:
        """Send an order in another strategy's name."""
        order = self.words["order"] | {"client_id": "stolen-3", "strategy": "beta"}
        return str(Caller(self.where.gate_socket).ask({"order": order}).get("phase", ""))

    def read_about_another(self) -> str:
        """Ask what another strategy holds, by its name and by the ids of its orders."""
        caller, found = Caller(self.where.gate_socket), ""
        for words in ({"strategy": "beta"}, {"client_id": "beta-1"}, {"client_id": "beta/beta-1"}, {}):
            answer = caller.ask({"do": "mine"} | words)
            if answer.get("asked") or answer.get("strategy", "alpha") != "alpha" or "beta" in json.dumps(answer):
                found += json.dumps(answer)
        return found

    def edit_the_store(self) -> str:
        """Write ARMED into the latch."""
        with open(self.where.store, "r+b") as file:
            file.write(b"x")
        return "edited"

    def edit_the_mark(self) -> str:
        """Write into the high-water mark."""
        with open(self.where.mark, "r+b"):
            return "opened"

    def take_the_sockets_place(self) -> str:
        """Listen where the gate listens."""
        self.where.gate_socket.unlink()
        return "unlinked"

    def remove_the_kill_file(self) -> str:
        """Put a file where the kill file is, and take it away."""
        self.where.kill_file.touch()
        return "touched"

    def forge_a_heartbeat(self) -> str:
        """Write the watchdog's heartbeat."""
        self.where.beat("watchdog").write_text("{}")
        return "written"

    def forge_the_gates_heartbeat(self) -> str:
        """Keep the watchdog calm about a gate that hangs."""
        self.where.beat("gate").write_text("{}")
        return "written"

    def forge_another_strategys_heartbeat(self) -> str:
        """Replace the file by which another loop says that it turns."""
        self.where.loop_beat("beta").unlink()
        return "unlinked"

    def take_away_a_kill(self) -> str:
        """Remove a kill file, or rename the folder that it is in."""
        for act in (self.where.kill_file.unlink, lambda: os.rename(self.where.state, f"{self.where.state}.old")):
            try:
                act()
                return "gone"
            except PermissionError:
                continue
        return ""

    def put_an_old_store_back(self) -> str:
        """Replace the store by a copy from before a kill."""
        (self.where.state / "old").write_bytes(b"")
        os.replace(self.where.state / "old", self.where.store)
        return "replaced"

    def replace_the_mark(self) -> str:
        """Set the high-water mark back."""
        (self.where.mark.parent / "old").write_bytes(b"")
        os.replace(self.where.mark.parent / "old", self.where.mark)
        return "replaced"

    def link_a_socket_elsewhere(self) -> str:
        """Have callers of the broker come to us."""
        (self.where.state / "mine.sock").symlink_to("/tmp")
        return "linked"

    def become_root_in_a_namespace(self) -> str:
        """Be root, and any uid that we like, in a user namespace of our own, and call the broker from there."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            said = b""
            try:
                if LIBC.unshare(CLONE_NEWUSER) == 0:
                    Path("/proc/self/setgroups").write_text("deny")
                    for uid in (self.words["uids"]["gate"], 0):
                        with suppress(OSError):
                            Path("/proc/self/uid_map").write_text(f"{uid} {self.words['uids']['alpha']} 1")
                            os.setuid(uid)
                answer = Caller(self.where.broker_socket).ask({"do": "observe", "after": 0})
                said = b"" if "error" in answer else b"observed"
            finally:
                os.write(writer, said)
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        return os.read(reader, 100).decode()

    def pass_a_descriptor(self) -> str:
        """Hand the gate a file of ours, and see whether it keeps it."""
        reader, writer = os.pipe()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(str(self.where.gate_socket))
            connection.settimeout(5)
            for _ in range(20):
                rights = array.array("i", [writer]).tobytes()
                connection.sendmsg([b'{"do":"status"}'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                wire.receive(connection)
        os.close(writer)
        os.set_blocking(reader, False)
        try:
            return "" if os.read(reader, 1) == b"" else "read"  # the end: nobody else holds the other half
        except BlockingIOError:
            return "kept"

    def look_into_the_broker(self) -> str:
        """Read the memory, descriptors and environment of the broker and of the watchdog."""
        found = ""
        for pid in self.words["pids"]:
            if LIBC.ptrace(PTRACE_ATTACH, pid, None, None) == 0:
                found += f"attached to {pid} "
            for name in ("mem", "environ", "fd/3", "root", "cwd"):
                with suppress(OSError):
                    os.stat(f"/proc/{pid}/{name}") if name != "mem" else os.close(
                        os.open(f"/proc/{pid}/mem", os.O_RDWR)
                    )
                    found += "" if name == "environ" else f"{pid}/{name} "
            with suppress(OSError):
                found += Path(f"/proc/{pid}/environ").read_text()[:20]
        return found

    def end_the_gate(self) -> str:
        """End it, so that something else may answer."""
        os.kill(self.gate, signal.SIGKILL)
        return "killed"


def run(where: Places, words: dict[str, Any]) -> dict[str, str]:
    """Try everything; return what each attack says it achieved."""
    attacker = Attacks(where, words)
    names = [name for name in vars(Attacks) if not name.startswith("_")]
    found = {}
    for name in names:
        attack: Callable[[], str] = getattr(attacker, name)
        try:
            found[name] = attack()
        except Exception as error:
            found[name] = ""
            sys.stderr.write(f"{name}: {type(error).__name__}: {error}\n")
    return found


def flood(where: Places) -> None:
    """Do to both sockets what a client can do that wants to be heard alone, until somebody ends us: connections by the
    hundred, questions whose answers nobody reads, half messages, messages without an end, hanging up in between."""
    most = 600
    said = (b"{", b'{"order":', b"x" * 60_000, b"[" * 50_000, b'{"order":{}}', b"\xff\x00")
    both = (where.gate_socket, where.broker_socket)
    deaf = [_connected(path) for path in both]
    held: list[socket.socket] = []
    for number in itertools.count():
        for n, path in enumerate(both):
            for _ in range(50):
                try:
                    deaf[n].send(b'{"do":"status"}')
                except BlockingIOError:
                    break
                except OSError:
                    deaf[n].close()
                    deaf[n] = _connected(path)
        held.append(_connected(both[number % 2]))
        for one in held[-5:]:
            with suppress(OSError):
                one.send(said[number % len(said)])
        if len(held) > most:
            held.pop(number % 100).close()
        if number == most // 4:
            print("ready", flush=True)


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setblocking(False)
    with suppress(OSError):
        connection.connect(str(path))
    return connection
