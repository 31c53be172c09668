"""Writes framework/catalog/data/published.json: limits, values and filters as the service publishes them.

    python -m scripts.published_facts FILE [--check]

FILE holds facts that were read out of the published OpenAPI documents: for each version (`v1`, `v2`) its operations and
models, each field with type, limits, values and, for a filter, the fields and operators. Only facts are taken, and only
what framework/catalog/data/facts/ does not say already. What people read stands in data/arguments.json, and is ours.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from framework.catalog.catalog import Catalog

FILE = Path(__file__).parent.parent / "framework" / "catalog" / "data" / "published.json"
LIMITS = {
    "min": "minimum",
    "max": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "enum": "enum",
}


def collect(published: dict[str, Any]) -> dict[str, Any]:
    """`fields`: limits by `Operation.argument` or `Model.field`; `filters` and `sorts` by the same."""
    catalog = Catalog.load()
    found: dict[str, dict[str, Any]] = {"fields": {}, "filters": {}, "sorts": {}}
    known = {version: _by_address(published[version]["operations"]) for version in ("v1", "v2")}
    for operation in catalog:
        version = published["v1" if operation.v1 else "v2"]
        endpoint = operation.endpoint
        facts = known["v1" if operation.v1 else "v2"].get((endpoint.method, _plain(endpoint.path)), {})
        body = version["models"].get(facts.get("body", {}).get("model"), {}).get("fields", {})
        for parameter in operation.parameters:
            source = facts.get("parameters", {}) if parameter.place != "body" else body
            _take(found, f"{operation.id}.{parameter.name}", source.get(parameter.wire_name, {}), parameter.schema)
    for name, model in catalog.models.items():
        for version in ("v1", "v2"):
            fields = published[version]["models"].get(name, {}).get("fields", {})
            for field, schema in model.get("properties", {}).items():
                if f"{name}.{field}" not in found["fields"]:
                    _take(found, f"{name}.{field}", fields.get(field, {}), schema)
    return found


def _by_address(operations: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Operations by method and path: their names differ from the SDK's in places."""
    return {(facts["method"], _plain(facts["path"])): facts for facts in operations.values()}


def _plain(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def _take(found: dict[str, dict[str, Any]], place: str, facts: dict[str, Any], schema: dict[str, Any]) -> None:
    limits = {ours: facts[theirs] for theirs, ours in LIMITS.items() if theirs in facts}
    if limits.get("minimum", 0) > limits.get("maximum", limits.get("minimum", 0)):
        del limits["minimum"]  # published as an unsigned number, where a negative one is meant
    if "enum" in limits and "enum" in schema:
        limits["enum"] = [*limits["enum"], *(value for value in schema["enum"] if value not in limits["enum"])]
    if limits.get("enum") == schema.get("enum"):
        limits.pop("enum", None)
    if limits:
        found["fields"][place] = limits
    if "filter" in facts:
        found["filters"][place] = {
            field: [about.get("type", ""), *about.get("operators", ())] for field, about in facts["filter"].items()
        }
    if "sort" in facts:
        found["sorts"][place] = facts["sort"]


def render(value: dict[str, Any]) -> str:
    """JSON with one line for each place."""
    parts = []
    for kind, places in value.items():
        lines = [f"  {json.dumps(place)}: {json.dumps(facts)}" for place, facts in sorted(places.items())]
        parts.append(f' "{kind}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Run the script. Returns its exit code."""
    parser = argparse.ArgumentParser(description="Writes the published limits of arguments.")
    parser.add_argument("file", type=Path, help="The facts, as JSON.")
    parser.add_argument("--check", action="store_true", help="Write nothing; exit with 1 where the file would change.")
    options = parser.parse_args()
    text = render(collect(json.loads(options.file.read_text(encoding="utf-8"))))
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
        print("No change.")
        return 0
    if not options.check:
        FILE.write_text(text, encoding="utf-8")
    print(f"{FILE.name} changed")
    return 1 if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
