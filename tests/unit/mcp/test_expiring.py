from __future__ import annotations

from penstock_mcp.expiring import Expiring


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_there_until_its_time_is_over():
    clock = Clock()
    memory: Expiring[str, int] = Expiring(clock)
    memory.put("a", 1, seconds=5)
    clock.now += 4.9
    assert memory.get("a") == 1
    clock.now += 0.1
    assert memory.get("a") is None


def test_it_does_not_grow_without_end():
    memory: Expiring[int, int] = Expiring(Clock(), max_entries=3)
    for number in range(10):
        memory.put(number, number, seconds=5)
    assert [number for number in range(10) if memory.get(number) is not None] == [7, 8, 9]
