"""Names and edges of a DAG; knows nothing of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def find_cycle(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """One cycle as the names along it (`a`, `b`, `a`), or an empty tuple. Unknown names are leaves."""
    done: set[str] = set()
    for root in needs:
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(root, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                done.add(path.pop())
            elif name in path:
                return (*path[path.index(name) :], name)
            elif name not in done:
                path.append(name)
                stack.append((name, True))
                stack.extend((need, False) for need in needs.get(name, ()))
    return ()


def ancestors(needs: Mapping[str, Iterable[str]], name: str) -> frozenset[str]:
    """All that `name` needs, directly or not."""
    seen: set[str] = set()
    todo = list(needs.get(name, ()))
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(needs.get(current, ()))
    return frozenset(seen)


def all_ancestors(needs: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """For every name all that it needs, directly or not. In a cycle there is no such thing; it gives less."""
    found: dict[str, frozenset[str]] = {}
    entered: set[str] = set()
    stack = [(name, False) for name in needs]
    while stack:
        name, leaving = stack.pop()
        direct = frozenset(needs.get(name, ()))
        if leaving:
            found[name] = direct.union(*(found.get(need, frozenset()) for need in direct))
        elif name not in entered:
            entered.add(name)
            stack.append((name, True))
            stack.extend((need, False) for need in direct)
    return found
