from __future__ import annotations

import pytest

from penstock.adapters.local.step_environment import step_environment


@pytest.mark.parametrize("name", ["PATH", "HOME", "LC_CTYPE", "SSL_CERT_FILE", "https_proxy", "UV_INDEX_CORP_PASSWORD"])
def test_what_a_step_needs_to_work_at_all_is_passed_on(name: str):
    assert step_environment({name: "value"}, {}, {}) == {name: "value"}


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "UV_PUBLISH_TOKEN", "LD_PRELOAD", "PYTHONPATH", "KUBECONFIG"]
)
def test_everything_else_stays_behind(name: str):
    assert step_environment({name: "value"}, {}, {}) == {}


def test_a_workflow_may_change_what_is_passed_on_but_not_what_is_ours():
    environment = step_environment(
        {"TZ": "Europe/Berlin"}, {"TZ": "UTC", "PENSTOCK_INPUT": "elsewhere"}, {"PENSTOCK_INPUT": "-"}
    )

    assert environment == {"TZ": "UTC", "PENSTOCK_INPUT": "-"}
