"""Which further images a Dockerfile of this repository is built from."""

from __future__ import annotations

import pytest

from penstock_runtimes import load_runtime
from tests.cluster.toolchains import used_by


@pytest.mark.parametrize(
    ("runtime", "arguments"), [("javascript", ["NODE"]), ("go", ["GO"]), ("python", []), ("bash", [])]
)
def test_a_dockerfile_says_which_languages_it_copies(runtime: str, arguments: list[str]):
    toolchains = used_by(load_runtime(runtime).dockerfile)

    assert [toolchain.argument for toolchain in toolchains] == arguments
    assert all(toolchain.dockerfile.is_file() for toolchain in toolchains)
