"""Sets of item numbers, small whatever their pattern: one bit an item, and ranges as text for people."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MOST_RUNS = 512
"""A set with more ranges is shorter as its bits."""
_BITS = "bits:"
_HIGHEST = 1_000_000
"""No text is believed that speaks of more: its bits would fill the memory."""


@dataclass(frozen=True, slots=True)
class Indices:
    """A set of whole numbers from 0 on. 50,000 of them are 6 KiB, and joining two takes microseconds."""

    bits: int = 0
    """Bit n is set where n is in the set."""

    @classmethod
    def span(cls, start: int, end: int) -> Indices:
        """All from `start` up to and without `end`."""
        return cls(((1 << max(0, end - start)) - 1) << start)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Indices:
        """These numbers; meant for the few of one batch."""
        chosen = list(numbers)
        lowest = min(chosen, default=0)
        bits = 0
        for number in chosen:
            # From the lowest on, for a long number is copied whole for each bit that is set in it.
            bits |= 1 << (number - lowest)
        return cls(bits << lowest)

    @classmethod
    def parse(cls, text: str) -> Indices:
        """What `text()` wrote. Raises ValueError."""
        if text.startswith(_BITS):
            return cls(int.from_bytes(b64decode(text.removeprefix(_BITS), validate=True), "little"))
        bits = 0
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            start, end = int(first), int(last or first)
            if not 0 <= start <= end <= _HIGHEST:
                raise ValueError(f"{part} is no stretch of numbers")
            bits |= cls.span(start, end + 1).bits
        return cls(bits)

    def text(self) -> str:
        """`0-41,43`; the bits in base64 where the set is too scattered for ranges."""
        # A run begins at each bit that is set after one that is not.
        if (self.bits & ~(self.bits << 1)).bit_count() > _MOST_RUNS:
            data = self.bits.to_bytes((self.bits.bit_length() + 7) // 8, "little")
            return _BITS + b64encode(data).decode("ascii")
        return ",".join(f"{first}-{last}" if first < last else f"{first}" for first, last in self.runs())

    def runs(self) -> Iterator[tuple[int, int]]:
        """The first and the last number of each unbroken stretch, in their order."""
        # As digits, lowest first: searching a text is a hundred times faster than shifting a long number.
        digits = f"{self.bits:b}"[::-1]
        first = digits.find("1")
        while first >= 0:
            after = digits.find("0", first)
            last = (after if after >= 0 else len(digits)) - 1
            yield first, last
            first = digits.find("1", last + 1)

    @property
    def first(self) -> int:
        """The lowest of them; -1 where there is none."""
        return (self.bits & -self.bits).bit_length() - 1

    def within(self, start: int, end: int) -> Indices:
        """Those from `start` up to and without `end`."""
        return Indices(((self.bits >> start) & ((1 << max(0, end - start)) - 1)) << start)

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __contains__(self, number: int) -> bool:
        return bool(self.bits >> number & 1)

    def __iter__(self) -> Iterator[int]:
        lowest = max(0, self.first)
        for first, last in Indices(self.bits >> lowest).runs():
            yield from range(first + lowest, last + lowest + 1)

    def __or__(self, other: Indices) -> Indices:
        return Indices(self.bits | other.bits)

    def __and__(self, other: Indices) -> Indices:
        return Indices(self.bits & other.bits)

    def __sub__(self, other: Indices) -> Indices:
        return Indices(self.bits & ~other.bits)
