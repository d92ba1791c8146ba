"""The command line: `python3 -m tests.cluster up|down|status|...`.

Standard output carries only what a shell can use; what goes on is told on standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.cluster import backend
from tests.cluster.layout import REPOSITORY, Layout, from_environment
from tests.cluster.modules import ModulesCluster
from tests.cluster.programs import ClusterError, say

NOT_RUNNING = 3
"""Exit code of `status` when there is no cluster, as of `systemctl status`."""


def _up(layout: Layout, _: argparse.Namespace) -> int:
    cluster = backend.of(layout)
    backend.remember(layout, cluster)
    cluster.up()
    _print_use(layout)
    return 0


def _down(layout: Layout, _: argparse.Namespace) -> int:
    if not layout.backend_file.exists():
        say("no cluster runs")
        return 0
    backend.of(layout).down()
    layout.backend_file.unlink(missing_ok=True)
    say("the cluster is down")
    return 0


def _status(layout: Layout, _: argparse.Namespace) -> int:
    if not layout.backend_file.exists():
        say("no cluster runs; start one with: make cluster-up")
        return NOT_RUNNING
    cluster = backend.of(layout)
    running = cluster.running()
    for line in cluster.describe():
        say(line)
    say("ready" if running else f"not ready; logs are in {layout.logs}")
    if not running:
        return NOT_RUNNING
    _print_use(layout)
    return 0


def _available(_: Layout, __: argparse.Namespace) -> int:
    try:
        print(backend.available())
    except ClusterError as reason:
        print(reason)
        return 1
    return 0


def _images(layout: Layout, _: argparse.Namespace) -> int:
    cluster = _running(layout)
    if isinstance(cluster, backend.ModulesBackend):
        print(cluster.images.load_base())
    else:
        say("kind pulls its images; nothing to make")
    return 0


def _build(layout: Layout, options: argparse.Namespace) -> int:
    cluster = _running(layout)
    arguments = dict(item.split("=", 1) for item in options.build_arg)
    print(cluster.build(options.dockerfile.absolute(), options.context.absolute(), options.name, arguments))
    return 0


def _component(layout: Layout, options: argparse.Namespace) -> int:
    cluster = backend.of(layout)
    if not isinstance(cluster, ModulesCluster):
        raise ClusterError("components can be stopped and started only in the cluster made from Go modules")
    if options.command == "start":
        cluster.start_component(options.component)
    else:
        cluster.stop_component(options.component, patience=0 if options.kill else 5)
    return 0


def _running(layout: Layout) -> backend.Cluster:
    cluster = backend.of(layout)
    if not cluster.running():
        raise ClusterError("no cluster runs to load an image into; start one with: make cluster-up")
    return cluster


def _print_use(layout: Layout) -> None:
    say(f"audit log: {layout.audit_log}")
    if (layout.bin / "kubectl").exists():
        say(f"kubectl, helm and the rest: {layout.bin}")
    print(f"export KUBECONFIG={layout.kubeconfig}")


def _key_value(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.cluster", description="A real Kubernetes for the tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, action, text in (
        ("up", _up, "start the cluster and print the kubeconfig to use"),
        ("down", _down, "stop it and put the machine back"),
        ("status", _status, f"say what runs; exit code {NOT_RUNNING} when it is not ready"),
        ("available", _available, "print kind or modules, or why neither can run here (exit code 1)"),
        ("images", _images, "make the base image and load it"),
    ):
        commands.add_parser(name, help=text).set_defaults(action=action)
    build = commands.add_parser("build", help="build a Dockerfile and load the image into the cluster")
    build.add_argument("dockerfile", type=Path)
    build.add_argument("context", type=Path)
    build.add_argument("name", help="with registry and tag: localhost/penstock-operator:test")
    build.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE", type=_key_value)
    build.set_defaults(action=_build)
    for name, text in (("stop", "end one component, for tests of outages"), ("start", "start it again")):
        component = commands.add_parser(name, help=text)
        component.add_argument("component", help="kube-apiserver, kubelet, ... as `status` lists them")
        component.set_defaults(action=_component, kill=False)
        if name == "stop":
            component.add_argument("--kill", action="store_true", help="at once, with SIGKILL")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    layout = from_environment()
    try:
        if options.command in {"available", "status"}:
            return int(options.action(layout, options))
        # A long build must not keep a test from stopping the API server.
        with layout.locked("images" if options.command in {"images", "build"} else "cluster"):
            return int(options.action(layout, options))
    except ClusterError as error:
        say(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    sys.exit(main())
