"""The lines of a pod's log as they come."""

from __future__ import annotations

import queue
import subprocess
import threading
from types import TracebackType
from typing import Self

from tests.support.cluster import Cluster


class Tail:
    """Follows the log of a pod from its first line; the pod may not run yet."""

    def __init__(self, cluster: Cluster, namespace: str, pod: str) -> None:
        self._cluster = cluster
        self._place = ("-n", namespace)
        self._pod = pod
        self._lines: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> Self:
        # kubectl refuses to follow a container that is still being made.
        self._cluster.kubectl(
            *self._place, "wait", f"pod/{self._pod}", "--for=jsonpath={.status.containerStatuses[0].started}=true",
            "--timeout=120s", timeout=150,
        )  # fmt: skip
        words = [self._cluster.kubectl_program, f"--kubeconfig={self._cluster.kubeconfig}", *self._place]
        self._process = subprocess.Popen(
            [*words, "logs", "-f", self._pod], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def line(self, *, seconds: float) -> str:
        """The next line; AssertionError when none comes or the log has ended."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"{self._pod} said nothing for {seconds:.0f} s") from None
        assert line is not None, f"{self._pod} ended"
        return line

    def rest(self, *, seconds: float) -> list[str]:
        """All further lines up to the log's end."""
        lines: list[str] = []
        while (line := self._lines.get(timeout=seconds)) is not None:
            lines.append(line)
        return lines

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
