"""What has to hold for a statement that writes: looked at in its own transaction, before anything of it stays."""

from __future__ import annotations

import decimal

from . import granted
from .failure import RULE_BROKEN, CallFailed
from .judge import Judge
from .rows import Fetched, as_json, fetched, plain

TOLD = "sets_"
"""`sets_total` is the parameter that says whether `total` is changed, in an update that leaves the rest as it is."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy.engine import Connection as Database


def execute(database: Database, call: Mapping[str, Any]) -> dict[str, Any]:
    """Execute the statement under its rules. Raises CallFailed; whoever holds the transaction then takes all back."""
    rules = call["rules"]
    given = dict(call["parameters"])
    with Judge() as judge:
        known: dict[str, Any] = {"parents": _parents(database, rules, given), "before": None}
        if rules.get("before"):
            known["before"] = _one(database, rules["before"], given)
        for name, expression in (rules.get("set") or {}).items():
            given[name] = judge.value(expression, {**known, "parameters": given})
            # Whoever works a value out wants it written: an update of which some values stay is told so.
            if f"{TOLD}{name}" in given and f"{TOLD}{name}" not in rules["set"]:
                given[f"{TOLD}{name}"] = True
        found = fetched(database, call["statement"], given, call["maxRows"])
        _check_count(rules, found)
        if checks := rules.get("checks"):
            _check_shown(found)
            if not granted.deletes(call["statement"], database.dialect.name):
                known["parents"] = _parents(database, rules, given)
            for row in found.rows:
                values = {name: _weighed(value) for name, value in zip(found.names, row, strict=True)}
                _check(judge, checks, {**known, "parameters": given, "row": values})
    return as_json(found)


def _parents(database: Database, rules: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _one(database, statement, given) for name, statement in (rules.get("parents") or {}).items()}


def _one(database: Database, statement: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first row of a statement, as rules see it; None where there is none."""
    found = fetched(database, statement, given, 1)
    if not found.rows:
        return None
    return {name: _weighed(value) for name, value in zip(found.names, found.rows[0], strict=True)}


def _check_count(rules: Mapping[str, Any], found: Fetched) -> None:
    wanted = rules.get("rows")
    if wanted is not None and (found.count != wanted or not found.complete):
        many = "more" if not found.complete else str(found.count)
        raise CallFailed(
            RULE_BROKEN, f"the statement changes {many} rows, and it has to change {wanted}; nothing was changed"
        )


def _check_shown(found: Fetched) -> None:
    if not found.complete:
        reason = f"the statement changes more than the {len(found.rows)} rows that `maxRows` lets be looked at"
        raise CallFailed(RULE_BROKEN, f"{reason}; nothing was changed")
    if found.count and not found.names:
        reason = "the statement does not show the rows that the checks are about: end it with `RETURNING *`"
        raise CallFailed(RULE_BROKEN, f"{reason}; nothing was changed")


def _check(judge: Judge, checks: list[Mapping[str, Any]], variables: Mapping[str, Any]) -> None:
    for rule in checks:
        value = judge.value(rule["check"], variables)
        if value is not True:
            said = rule.get("message") or f"`{rule['check']}` does not hold"
            raise CallFailed(RULE_BROKEN, f"{said}; nothing was changed")


def _weighed(value: Any) -> Any:
    """A value as rules compare it: as in the output, but decimals are numbers."""
    if isinstance(value, decimal.Decimal):
        return float(value) if value.is_finite() else str(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return float(value)
    return plain(value)
