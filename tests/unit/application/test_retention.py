"""How long finished runs are kept: what a Workflow says, and what goes where it is silent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.api.v1alpha1.retention import Retention
from penstock.application.retention import Policy, installation_policy, policy_of
from penstock.errors import InvalidInput

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


def test_what_a_workflow_does_not_say_its_installation_does():
    otherwise = Policy(WEEK, MONTH, 100)
    assert policy_of(None, otherwise) == otherwise
    assert policy_of(Retention(failed="1h"), otherwise) == Policy(WEEK, timedelta(hours=1), 100)
    assert policy_of(Retention(succeeded="90m", keep=3), otherwise) == Policy(timedelta(minutes=90), MONTH, 3)


def test_an_installation_may_keep_everything():
    assert installation_policy("", "", 0) == Policy(None, None, None)
    assert installation_policy("7d", "", 5) == Policy(WEEK, None, 5)


def test_a_setting_that_is_none_is_named():
    with pytest.raises(InvalidInput, match=r"PENSTOCK_RETENTION_FAILED.*not a duration"):
        installation_policy("7d", "a week", 0)


def test_nothing_goes_at_once():
    assert policy_of(Retention(succeeded="1s"), Policy()).succeeded == timedelta(seconds=10)
