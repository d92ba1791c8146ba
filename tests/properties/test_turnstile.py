"""Whatever happens, in whatever order: never more than the limit, first come first served, nobody waits for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.turnstile import Turnstile
from penstock.testing.builders import a_run
from penstock.testing.clock import NOON

KEYS = ("eu", "us")


@dataclass
class World:
    """Runs as they are stored, passes over them, and a turnstile that may be lost at any time."""

    limit: int
    runs: dict[str, WorkflowRun] = field(default_factory=dict)
    woken: list[str] = field(default_factory=list)
    lingering: set[str] = field(default_factory=set)
    """Runs that have ended and of which something still lives."""

    def __post_init__(self) -> None:
        self.turns = Turnstile(lambda key: self.woken.append(key.name))

    def arrive(self, number: int) -> None:
        """Somebody asks for a run; several may come in one second, and their UIDs are in no order."""
        name = f"r{len(self.runs)}"
        run = a_run(name=name)
        metadata = run.metadata.model_copy(
            update={
                "uid": f"{(len(self.runs) * 7) % 10}{name}",
                "creation_timestamp": NOON + timedelta(seconds=len(self.runs) // 3),
            }
        )
        spec = run.spec.model_copy(update={"context": {"key": KEYS[number % 2]}})
        self.store(run.model_copy(update={"metadata": metadata, "spec": spec}))

    def store(self, run: WorkflowRun) -> None:
        """A write: whoever watches hears of it, and looks."""
        self.runs[run.metadata.name] = run
        self.turns.notice(run)
        self.woken.append(run.metadata.name)

    def write(self, run: WorkflowRun, **status) -> None:
        self.store(run.model_copy(update={"status": run.status.model_copy(update=status)}))

    def pick(self, number: int) -> WorkflowRun | None:
        return list(self.runs.values())[number % len(self.runs)] if self.runs else None

    def look(self, run: WorkflowRun, *, write_is_lost: bool = False) -> None:
        """A pass over a run."""
        self.turns.notice(run)
        if run.status.phase != "Pending":
            return
        if run.spec.cancel:
            self.write(run, phase="Cancelled")
            self.turns.leave(run.metadata.uid)
            return
        key = run.spec.context["key"]
        had_it = self.turns.holds(run.metadata.uid)
        turn = self.turns.ask(run, key, self.limit)
        if turn.granted and not had_it:
            self.check_order(run, key)
        if write_is_lost:
            self.woken.append(run.metadata.name)
        elif turn.granted:
            self.write(run, phase="Running", concurrency_key=key)
        elif turn.sure and run.status.concurrency_key is None:
            self.write(run, concurrency_key=key)

    def check_order(self, run: WorkflowRun, key: str) -> None:
        """Nobody who came first, and is there already, waits behind the one that is let in."""
        order = (run.metadata.creation_timestamp, run.metadata.uid)
        for other in self.runs.values():
            waits = other.status.phase == "Pending" and not self.turns.holds(other.metadata.uid)
            if waits and other.spec.context["key"] == key:
                assert (other.metadata.creation_timestamp, other.metadata.uid) > order

    def end(self, run: WorkflowRun, *, lingers: bool = False) -> None:
        if run.status.phase == "Running":
            self.write(run, phase="Succeeded")
            if lingers:
                self.lingering.add(run.metadata.name)
            else:
                self.turns.leave(run.metadata.uid)

    def settle(self) -> None:
        for name in self.lingering:
            self.turns.leave(self.runs[name].metadata.uid)
        self.lingering.clear()

    def restart(self) -> None:
        """The process is lost; the next one knows what is stored. It looks at everything once."""
        self.lingering.clear()
        self.turns = Turnstile(lambda key: self.woken.append(key.name))
        for run in self.runs.values():
            self.turns.notice(run)
        self.woken = list(self.runs)

    def check(self) -> None:
        for key in KEYS:
            busy = [
                run
                for run in self.runs.values()
                if run.status.concurrency_key == key
                and (run.status.phase == "Running" or run.metadata.name in self.lingering)
            ]
            assert len(busy) <= self.limit

    def run_to_the_end(self) -> None:
        """Only what was woken is looked at, and what is under way ends one after the other."""
        self.settle()
        for _ in range(10_000):
            if self.woken:
                self.look(self.runs[self.woken.pop(0)])
            else:
                busy = [run for run in self.runs.values() if run.status.phase == "Running"]
                if not busy:
                    return
                self.end(busy[0])
            self.check()
        raise AssertionError("it does not come to an end")


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["arrive", "arrive", "look", "look", "lose a write", "end", "linger", "settle", "cancel", "restart"]
        ),
        st.integers(0, 30),
    ),
    max_size=60,
)


@given(st.integers(1, 3), EVENTS)
@settings(max_examples=300, deadline=None)
def test_the_laws_of_the_line(limit, events):
    world = World(limit)
    for event, number in events:
        run = world.pick(number)
        if event == "arrive":
            world.arrive(number)
        elif event == "restart":
            world.restart()
        elif event == "settle":
            world.settle()
        elif run is not None:
            match event:
                case "look":
                    world.look(run)
                case "lose a write":
                    world.look(run, write_is_lost=True)
                case "end" | "linger":
                    world.end(run, lingers=event == "linger")
                case "cancel":
                    world.store(run.model_copy(update={"spec": run.spec.model_copy(update={"cancel": True})}))
        world.check()
    world.run_to_the_end()
    assert all(run.status.phase in ("Succeeded", "Cancelled") for run in world.runs.values())
