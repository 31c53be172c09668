"""Write what the images hold, as CycloneDX: deploy/sbom/full.json and deploy/sbom/slim.json (`make sbom`).

Each has the packages of a lock file that the image's Python on Linux gets, with versions, licences and who needs whom,
and the scripts that the pages bring. The base image is left to its own makers. Two runs write the same files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.markers import Marker

from framework.version import __version__
from scripts import licences

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "deploy" / "sbom"
LOCKS = {"full": "run", "slim": "slim"}
"""The lock file of each target of deploy/Dockerfile."""
PYTHON = "3.13.15"
NAME = "agents-in-channels"
_IMAGE = {
    "implementation_name": "cpython",
    "implementation_version": PYTHON,
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": PYTHON,
    "python_version": PYTHON.rpartition(".")[0],
    "sys_platform": "linux",
}
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\\n]+))?")
_NEEDED_BY = re.compile(r"^ +#(?: via)? +(?P<name>[A-Za-z0-9][\w.-]*)")


@dataclass(frozen=True)
class Locked:
    """A package of a lock file, and the names of those that need it."""

    name: str
    version: str
    needed_by: tuple[str, ...]


def locked(lock: str, machine: str = "x86_64") -> Iterator[Locked]:
    """The packages of a lock file that the image gets, in the file's order."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        entry = _ENTRY.match(block)
        if entry is None or not _applies(entry["marker"], machine):
            continue
        needed_by = [found["name"] for line in block.splitlines() if (found := _NEEDED_BY.match(line))]
        yield Locked(entry["name"], entry["version"], tuple(needed_by))


def bill(target: str) -> Bom:
    """The bill of one target."""
    packages = list(locked(LOCKS[target]))
    root = Component(name=NAME, version=__version__, type=ComponentType.APPLICATION, bom_ref=NAME)
    root.licenses.add(LicenseFactory().make_from_string("Apache-2.0"))
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{NAME} {__version__} {target} {packages}"))
    bom.metadata.timestamp = None  # type: ignore[assignment] # the format does without; two runs are to be alike
    bom.metadata.component = root
    known = {NAME: root} | {one.name: _component("pypi", one.name, one.version) for one in packages}
    for component in [*known.values()][1:]:
        bom.components.add(component)
    for name, version in _vendored():
        bom.components.add(_component("npm", name, version))
    for name, component in known.items():
        needs = [known[one.name] for one in packages if name in one.needed_by]
        bom.register_dependency(component, needs)
    return bom


def text_of(bom: Bom) -> str:
    """A bill as JSON."""
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1) + "\n"


def _applies(marker: str | None, machine: str) -> bool:
    return marker is None or Marker(marker).evaluate({**_IMAGE, "platform_machine": machine, "extra": ""})


def _component(kind: str, name: str, version: str) -> Component:
    licence = licences.licence_of(name) if kind == "pypi" else _vendored()[name, version]
    url = PackageURL(kind, name=name, version=version)
    component = Component(name=name, version=version, purl=url, bom_ref=str(url), type=ComponentType.LIBRARY)
    if licence:
        component.licenses.add(LicenseFactory().make_from_string(licence))
    if kind == "pypi":
        place = XsUri(f"https://pypi.org/project/{name}/{version}/")
        component.external_references.add(ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=place))
    return component


def _vendored() -> dict[tuple[str, str], str]:
    """Scripts of others that lie in the program: the licence by name and version."""
    rows = re.findall(r"^\| ([\w.-]+) \| (\d\S*) \| (.+) \|$", licences.VENDORED, re.MULTILINE)
    return {(name, version): licence for name, version, licence in rows}


def main() -> int:
    """Write both files. Returns 0."""
    FOLDER.mkdir(exist_ok=True)
    for target in LOCKS:
        (FOLDER / f"{target}.json").write_text(text_of(bill(target)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
