"""Installs the packages that a JavaScript step depends on with npm, without their scripts."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from penstock_runtimes.harness.preparation import Preparation

SETTINGS = ("npm_config_", "NPM_")

_QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--logs-max=0")


def prepare(preparation: Preparation) -> dict[str, str]:
    """Install into a folder of the attempt's own, where the script finds it as `node_modules` beside itself."""
    place = os.path.join(preparation.own, "javascript")
    modules = os.path.join(place, "node_modules")
    os.makedirs(modules, exist_ok=True)
    # npm looks for a project in the folders above, and takes the first that it finds for the one to install into.
    with open(os.path.join(place, "package.json"), "w", encoding="utf-8") as file:
        file.write("{}")
    environment = dict(preparation.environment)
    if environment.get("HOME", preparation.work) == preparation.work:
        # No home but the script's own folder: what npm keeps for later does not belong there.
        environment.setdefault("npm_config_cache", os.path.join(preparation.own, "npm-cache"))
    # A package's script runs whatever its author likes, and has nothing to do with what the step was written for.
    arguments = ["npm", "install", "--ignore-scripts", *_QUIET, "--", *preparation.dependencies]
    ran = preparation.run(arguments, environment, place)
    if ran.exit_code != 0:
        preparation.fail("DEPENDENCIES_FAILED", ran.reason)
    os.symlink(modules, os.path.join(preparation.work, "node_modules"))
    preparation.installed += _installed(modules)
    return {}


def _installed(modules: str) -> list[str]:
    """`name@version` of each installed package, from the list that npm leaves behind."""
    import json

    with open(os.path.join(modules, ".package-lock.json"), encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    names = {
        path.rpartition("node_modules/")[2]: package for path, package in packages.items() if "node_modules/" in path
    }
    # A folder that was linked has no version of its own here.
    return sorted(f"{name}@{package.get('version') or package['resolved']}" for name, package in names.items())
