"""The network between a client and the API server, which can be cut, healed and made slow. Bytes pass as they are."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Self

CHUNK = 1 << 16


class Proxy:
    """Listens on loopback and passes everything on to a port. Cut, it answers nobody and says nothing."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._open: asyncio.Event | None = None
        self._delay_s = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="proxy", daemon=True)
        self._thread.start()
        ready.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def kubeconfig(self, admin: Path, to: Path) -> Path:
        """Write the admin's kubeconfig with the way through here, and return it."""
        said = json.loads(admin.read_text())
        said["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        to.write_text(json.dumps(said))
        return to

    def cut(self) -> None:
        """Let nothing through; what is on its way is held, and connections stay open."""
        self._loop.call_soon_threadsafe(self._gate().clear)

    def mend(self) -> None:
        """Let everything through again, what was held first."""
        self._loop.call_soon_threadsafe(self._gate().set)

    def slow(self, delay_s: float) -> None:
        """Hold every piece for so long."""
        self._delay_s = delay_s

    def _gate(self) -> asyncio.Event:
        assert self._open is not None
        return self._open

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)

        async def begin() -> None:
            self._open = asyncio.Event()
            self._open.set()
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port: int = self._server.sockets[0].getsockname()[1]

        self._loop.run_until_complete(begin())
        ready.set()
        self._loop.run_forever()

    async def _finish(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._gate().wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(back)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer), return_exceptions=True)
            back.transport.abort()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(CHUNK):
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            await self._gate().wait()
            writer.write(piece)
            await writer.drain()
        writer.close()
