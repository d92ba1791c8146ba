"""Operators as processes of this machine behind the faulty proxy: killed, stopped, woken and started again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.real.proxy import FaultyProxy
from tests.support.host_operator import HostOperator, OperatorConfig


class Replicas:
    """Of one namespace."""

    def __init__(self, config: OperatorConfig, namespace: str, proxy: FaultyProxy, pauses: tuple[float, ...]) -> None:
        """`pauses` are the seconds that may go by until one that was killed is started again."""
        self._config = config
        self._namespace = namespace
        self._proxy = proxy
        self._pauses = pauses
        self._operators: dict[str, HostOperator] = {}
        self._away = set[str]()
        """Killed, and not yet started again."""
        self._frozen = set[str]()
        self._timers: list[asyncio.TimerHandle] = []
        """What would start or wake a replica; none does after the end."""
        self._stack = AsyncExitStack()
        self.kills = Counter[str]()
        self.stops = Counter[str]()
        self.deaths: list[str] = []
        """What ended of itself, with the end of its log."""
        proxy.kill, proxy.stop = self.kill, self.stop

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.spare()
        for timer in self._timers:
            timer.cancel()
        for name, operator in self._operators.items():
            if name in self._frozen:
                operator.wake()
            await asyncio.to_thread(operator.kill)
        await self._stack.__aexit__(kind, error, trace)

    async def start(self, name: str) -> None:
        """A replica of this name."""
        address = await self._stack.enter_async_context(self._proxy.serving(name))
        config = replace(self._config, kubeconfig=_kubeconfig_to(address, self._config, f"{self._namespace}-{name}"))
        self._operators[name] = HostOperator(config, self._namespace, name)
        self._operators[name].start()

    def process_id(self, name: str) -> int:
        """Of the process of a replica that was started last."""
        return self._operators[name].process_id

    def logs(self) -> str:
        """The ends of what they printed."""
        return "\n".join(f"--- {name}\n{each.log()}" for name, each in self._operators.items())

    def look(self) -> None:
        """Notice who ended without being asked to, and start it again as a kubelet would."""
        for name, operator in self._operators.items():
            if name not in self._away and (code := operator.ended()) is not None:
                self.deaths.append(f"replica {name} ended with {code}\n{operator.log()}")
                print(f"replica {name} ended with {code}, and nobody had asked it to", flush=True)
                operator.start()

    def kill(self, name: str) -> None:
        """At once, as a power cut does; it is started again after a while."""
        if name in self._away:
            return
        self.kills[name] += 1
        self._away.add(name)
        self._operators[name].kill()
        self._frozen.discard(name)
        pause = self._pauses[self.kills.total() % len(self._pauses)]
        self._after(pause, self._start_again, name)

    def stop(self, name: str, seconds: float) -> None:
        """Where it is; it is woken after so many seconds."""
        if name in self._away or name in self._frozen:
            return
        self.stops[name] += 1
        self._frozen.add(name)
        self._operators[name].freeze()
        self._after(seconds, self._wake, name)

    def _after(self, seconds: float, do: Callable[[str], None], name: str) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, do, name))

    def _wake(self, name: str) -> None:
        if name in self._frozen:
            self._frozen.discard(name)
            self._operators[name].wake()

    def _start_again(self, name: str) -> None:
        self._away.discard(name)
        self._operators[name].start()


def _kubeconfig_to(address: str, config: OperatorConfig, name: str) -> Path:
    found = json.loads(config.kubeconfig.read_text())
    found["clusters"][0]["cluster"] = {"server": address}
    file = config.logs / f"{name}.kubeconfig"
    file.touch(mode=0o600)
    file.write_text(json.dumps(found))
    return file
