from __future__ import annotations

from typing import Any

import pytest

from penstock_mcp.__main__ import overrides, parser


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        pytest.param([], {}, id="the-environment-decides"),
        pytest.param(["--stdio"], {}, id="the-default-said-aloud"),
        pytest.param(["--local"], {"mode": "local"}, id="local"),
        pytest.param(["--cluster", "--namespace", "shop"], {"mode": "cluster", "namespace": "shop"}, id="cluster"),
        pytest.param(["--kube-context", "lab"], {"mode": "cluster", "kube_context": "lab"}, id="context"),
        pytest.param(["--http", "--port", "9000"], {"port": 9000}, id="http"),
    ],
)
def test_options_win_over_the_environment(arguments: list[str], want: dict[str, Any]):
    assert overrides(parser().parse_args(arguments)) == want


@pytest.mark.parametrize("arguments", [["--stdio", "--http"], ["--local", "--cluster"], ["--port", "many"], ["serve"]])
def test_what_contradicts_itself_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(arguments)
    assert stopped.value.code == 2
    assert "penstock mcp" in capsys.readouterr().err
