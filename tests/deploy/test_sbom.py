"""What the images hold is listed with licences, as CycloneDX says, and as the lock files say now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts import licences, sbom
from tests.support.dockerfile import read_stages, steps_of

TARGETS = tuple(sbom.LOCKS)


def written(target: str) -> str:
    return (sbom.FOLDER / f"{target}.json").read_text(encoding="utf-8")


def components(target: str) -> dict[str, dict[str, Any]]:
    return {one["purl"]: one for one in json.loads(written(target))["components"]}


@pytest.mark.parametrize("target", TARGETS)
def test_it_is_current_and_made_anew_it_is_the_same(target: str) -> None:
    assert written(target) == sbom.text_of(sbom.bill(target)), "run `make sbom`"


@pytest.mark.parametrize("target", TARGETS)
def test_it_is_as_the_format_says(target: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written(target)) is None


@pytest.mark.parametrize("target", TARGETS)
def test_it_names_each_package_of_the_lock_with_its_licence(target: str) -> None:
    found = components(target)
    every = set(licences.locked(sbom.LOCKS[target]))
    listed = {(one["name"], one["version"]) for url, one in found.items() if url.startswith("pkg:pypi/")}
    assert listed <= every
    for_others = {"backports-tarfile", "colorama", "httpx2-jsfetch", "importlib-metadata", "lazy-importer", "numpy"}
    for_others |= {"pywin32", "pywin32-ctypes", "zipp"}
    assert {name for name, _ in every - listed} <= for_others, "not for Python 3.13 on Linux"
    assert all(one.get("licenses") for one in found.values())
    assert {"htm", "preact", "htmx.org"} <= {one["name"] for one in found.values()}


@pytest.mark.parametrize("lock", sbom.LOCKS.values())
def test_the_two_processors_get_the_same_packages(lock: str) -> None:
    assert list(sbom.locked(lock)) == list(sbom.locked(lock, "aarch64"))


def test_who_needs_whom_is_told() -> None:
    needs = {one["ref"]: one.get("dependsOn", []) for one in json.loads(written("slim"))["dependencies"]}
    direct = {url.partition("/")[2].partition("@")[0] for url in needs[sbom.NAME]}
    assert {"stream-chat", "langchain", "psycopg"} <= direct
    assert "multidict" not in direct


@pytest.mark.parametrize("target", TARGETS)
def test_the_image_has_its_own(target: str) -> None:
    stages = read_stages(Path("deploy/Dockerfile"))
    copied = [step.arguments for step in steps_of(stages, target, "COPY")]
    assert [f"deploy/sbom/{target}.json", "sbom.json"] in copied
    python = stages["build"].base.partition(":")[2].partition("-")[0]
    assert python == sbom.PYTHON
