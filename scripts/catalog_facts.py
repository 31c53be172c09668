"""Writes framework/catalog/data/facts/ from the source of the installed `getstream` package.

    python -m scripts.catalog_facts [--source FOLDER] [--check]

The package is read as text and parsed, never imported, and only facts are taken from it: names, paths, types, which
fields are required, which values a field allows. What people read (summaries, aliases) is ours and lives in
data/profiles/, which this script never touches. `--check` writes nothing and exits with 1 where files would change.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.catalog_differences import (
    CLIENT_SIDE,
    CLIENT_SIDE_ANSWERS,
    MODERATION_IN_V1,
    RENAMED,
    SYNC_ANSWER,
    V1_ANSWERS,
    V1_DIFFERENCES,
)
from scripts.catalog_values import VALUES

FACTS = Path(__file__).parent.parent / "framework" / "catalog" / "data" / "facts"
PRODUCTS = ("chat", "common", "moderation")
VERBS = ("get", "post", "put", "patch", "delete")
MODELS = "models.json"
ANSWERS = "../answers.json"
"""Beside the folder of facts: what answers look like, for plans whose steps refer to answers of earlier ones."""

# First segment of a path -> the file that holds the operation.
GROUPS = {
    "campaigns": ("campaigns", "segments"),
    "channels": ("channels", "members", "predefined_filters", "sync"),
    "channel_types": ("channeltypes", "commands"),
    "messages": ("messages", "drafts", "reminders", "threads", "search"),
    "users": ("users", "guest", "usergroups", "unread", "unread_batch"),
    "push": ("devices", "push_preferences", "push_providers", "push_templates", "check_push"),
    "app": ("app", "rate_limits", "check_sns", "check_sqs", "stats", "permissions", "roles"),
    "files": ("uploads", "og", "external_storage", "retention_policy"),
    "imports_exports": ("imports", "import_urls", "export", "export_channels", "tasks"),
    "moderation": ("moderation", "blocklists", "query_banned_users", "query_future_channel_bans"),
    "polls": ("polls",),
}
GROUP_OF = {segment: group for group, segments in GROUPS.items() for segment in segments}
SCALARS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "object": {},
    "bytes": {"type": "string"},
}


@dataclass(frozen=True)
class ModelField:
    """A field of a request model: its name on the wire, its schema, whether it must be given."""

    attribute: str
    name: str
    schema: dict[str, Any]
    required: bool


def find_source() -> Path | None:
    """The folder of the installed `getstream` package, found without importing it; None where it is not installed."""
    spec = importlib.util.find_spec("getstream")
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def schema_of(annotation: ast.expr) -> dict[str, Any]:
    """JSON Schema of a type annotation. Unknown names become references to models."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return schema_of(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.BinOp):  # `X | None`
        sides = [side for side in (annotation.left, annotation.right) if ast.unparse(side) != "None"]
        return schema_of(sides[0])
    if isinstance(annotation, ast.Subscript):
        outer = ast.unparse(annotation.value).lower()
        inner = annotation.slice
        if outer == "optional":
            return schema_of(inner)
        if outer == "list":
            return {"type": "array", "items": schema_of(inner)}
        if outer == "dict" and isinstance(inner, ast.Tuple):
            values = schema_of(inner.elts[1])
            return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
    name = ast.unparse(annotation)
    return dict(SCALARS[name]) if name in SCALARS else {"$ref": f"#/$defs/{name}"}


class Models:
    """The dataclasses of `getstream/models`, turned into schemas when they are asked for."""

    def __init__(self, source: Path) -> None:
        text = (source / "models" / "__init__.py").read_text(encoding="utf-8")
        self._lines = text.splitlines()
        self._classes = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}

    def __contains__(self, name: str) -> bool:
        return name in self._classes

    def names(self) -> list[str]:
        """Every class name."""
        return list(self._classes)

    def fields(self, name: str) -> list[ModelField]:
        """The fields of a model, in the order of its source."""
        return [
            self._field(node, node.target.id)
            for node in self._classes[name].body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        ]

    def schema(self, name: str) -> dict[str, Any]:
        """JSON Schema of a model; other models are referred to as `#/$defs/Name`."""
        fields = self.fields(name)
        schema: dict[str, Any] = {"type": "object", "properties": {field.name: field.schema for field in fields}}
        required = [field.name for field in fields if field.required]
        return schema | ({"required": required} if required else {})

    def _field(self, node: ast.AnnAssign, attribute: str) -> ModelField:
        schema = schema_of(node.annotation)
        values = self._allowed(node.lineno, schema)
        if values:
            schema["enum"] = values
        required, name = True, attribute
        for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
            for keyword in call.keywords:
                if keyword.arg == "default":
                    required = False
                if keyword.arg == "field_name" and isinstance(keyword.value, ast.Constant):
                    name = str(keyword.value.value)
        return ModelField(attribute, name, schema, required)

    def _allowed(self, line: int, schema: dict[str, Any]) -> list[Any]:
        """The values that the comment above a field lists, as the package notes enumerations nowhere else."""
        comment = self._lines[line - 2].strip()
        found = re.search(r"One of: ([\w\-+./]+(?:, [\w\-+./]+)*)", comment) if comment.startswith("#") else None
        if not found or schema.get("type") not in {"string", "integer"}:
            return []
        values = found.group(1).rstrip(".").split(", ")
        return [int(value) for value in values] if schema["type"] == "integer" else values


def type_of(schema: dict[str, Any]) -> str:
    """A schema in a word: `string`, `time`, `any`, a model's name, `[X]` for a list, `{X}` for an object of X."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"[{type_of(schema['items'])}]"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"{{{type_of(inner)}}}" if inner else "object"
    return "time" if schema.get("format") == "date-time" else str(schema.get("type", "any"))


class Reader:
    """Reads the operations of one product out of its REST client."""

    def __init__(self, source: Path, models: Models) -> None:
        self._source = source
        self._models = models
        self._spelling = {name.lower(): name for name in models.names()}

    def operations(self, product: str) -> dict[str, dict[str, Any]]:
        """Operations by id. Each has sdk, v2 (and v1), body and parameters."""
        text = (self._source / product / "async_rest_client.py").read_text(encoding="utf-8")
        found = {}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.AsyncFunctionDef):
                name, operation = self._operation(product, node)
                found[name] = operation
        return found

    def answers(self, product: str) -> dict[str, str]:
        """The model of each operation's answer, by the operation's id."""
        text = (self._source / product / "async_rest_client.py").read_text(encoding="utf-8")
        return {
            self._name(node.name): ast.unparse(node.returns.slice)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.AsyncFunctionDef) and isinstance(node.returns, ast.Subscript)
        }

    def _operation(self, product: str, function: ast.AsyncFunctionDef) -> tuple[str, dict[str, Any]]:
        method, path = next(
            (inner.func.attr.upper(), ast.literal_eval(inner.args[0]))
            for inner in ast.walk(function)
            if isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and inner.func.attr in VERBS
            and ast.unparse(inner.func.value) == "self"
        )
        name = self._name(function.name)
        parameters = self._parameters(function)
        # Some send an empty object, which the service asks for too.
        body = "json" if sends_body(function) else None
        if "/uploads/" in path or path.endswith(("/file", "/image")):
            body = body and "multipart"
        operation: dict[str, Any] = {"sdk": f"{product}.{function.name}"}
        if product != "moderation" or name in MODERATION_IN_V1:
            v1 = V1_DIFFERENCES.get(name) or {"method": method, "path": v1_path(path)}
            operation["v1"] = v1
        operation |= {"v2": {"method": method, "path": path}, "body": body, "parameters": parameters}
        return name, operation

    def _name(self, function: str) -> str:
        """`create_import_url` -> `CreateImportURL`: capitals as the package's own models spell them."""
        plain = "".join(part[:1].upper() + part[1:] for part in function.split("_"))
        for suffix in ("Request", "Response"):
            spelled = self._spelling.get(f"{plain}{suffix}".lower())
            if spelled:
                plain = spelled.removesuffix(suffix)
                break
        return RENAMED.get(plain, plain)

    def _parameters(self, function: ast.AsyncFunctionDef) -> dict[str, dict[str, Any]]:
        """Parameters by the name that a caller uses: the wire's, or `id_` where path and body both have an `id`."""
        types, required = signature(function)
        parameters: dict[str, dict[str, Any]] = {}
        for key, argument in mapping(function, "path_params"):
            parameters[key] = {"in": "path", "required": True, "schema": types[argument]}
        for key, argument in mapping(function, "query_params"):
            parameters[key] = parameter("query", types[argument], required=argument in required)
        for model, key, argument in body_arguments(function):
            field = next(field for field in self._models.fields(model) if field.attribute == key)
            entry = parameter("body", field.schema, required=field.required)
            name = field.name
            if name in parameters:
                name, entry["name"] = f"{name}_", field.name
            parameters[name] = entry
            types.pop(argument, None)
        return parameters


def parameter(place: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """One parameter; `required` is left out where it is false."""
    return {"in": place, **({"required": True} if required else {}), "schema": schema}


def signature(function: ast.AsyncFunctionDef) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Schemas of the arguments by name, and the names of those without a default."""
    arguments = [argument for argument in function.args.args if argument.arg != "self"]
    types = {argument.arg: schema_of(argument.annotation) for argument in arguments if argument.annotation}
    optional = len(function.args.defaults)
    return types, {argument.arg for argument in arguments[: len(arguments) - optional]}


def mapping(function: ast.AsyncFunctionDef, variable: str) -> list[tuple[str, str]]:
    """(wire name, argument) pairs of the assignment to `path_params` or `query_params`."""
    for node in function.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == variable:
            value = node.value
            if isinstance(value, ast.Dict):
                return _pairs(value)
            if isinstance(value, ast.Call):
                named = [(item.arg, ast.unparse(item.value)) for item in value.keywords if item.arg]
                spread = [item.value for item in value.keywords if isinstance(item.value, ast.Dict)]
                return named + [pair for dictionary in spread for pair in _pairs(dictionary)]
    return []


def _pairs(dictionary: ast.Dict) -> list[tuple[str, str]]:
    items = zip(dictionary.keys, dictionary.values, strict=True)
    return [(ast.literal_eval(key), ast.unparse(value)) for key, value in items if key is not None]


def body_arguments(function: ast.AsyncFunctionDef) -> list[tuple[str, str, str]]:
    """(model, attribute, argument) of the request model that becomes the JSON body."""
    for node in function.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "json":
            for call in ast.walk(node.value):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id.endswith("Request"):
                    model = call.func.id
                    return [(model, item.arg, ast.unparse(item.value)) for item in call.keywords if item.arg]
    return []


def sends_body(function: ast.AsyncFunctionDef) -> bool:
    """Whether the call has a JSON body, be it one without any field."""
    return any(keyword.arg == "json" for node in ast.walk(function) for keyword in getattr(node, "keywords", ()))


def v1_path(path: str) -> str:
    """`/api/v2/chat/campaigns` -> `/campaigns`; `/api/v2/moderation/ban` -> `/moderation/ban`."""
    return path.removeprefix("/api/v2").removeprefix("/chat")


def references(value: object) -> set[str]:
    """Names of the models that a schema refers to directly."""
    if isinstance(value, dict):
        own = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


def group_of(v2_path: str) -> str:
    """The file that an operation belongs to."""
    segments = v1_path(v2_path).strip("/").split("/")
    return "polls" if "polls" in segments else GROUP_OF[segments[0]]


def collect(source: Path) -> dict[str, str]:
    """File name -> content, for every file of facts."""
    models = Models(source)
    reader = Reader(source, models)
    groups: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    for product in PRODUCTS:
        for name, operation in reader.operations(product).items():
            groups[group_of(operation["v2"]["path"])][name] = operation
    for name, operation in CLIENT_SIDE.items():
        groups[group_of(operation["v2"]["path"])][name] = operation
    needed, waiting = {}, references(groups)
    while waiting:
        name = waiting.pop()
        needed[name] = models.schema(name) if name in models else {}
        waiting |= references(needed[name]) - needed.keys()
    add_values(groups, needed)
    files = {f"{group}.json": render(dict(sorted(operations.items())), 3) for group, operations in groups.items()}
    return files | {MODELS: render(dict(sorted(needed.items())), 3), ANSWERS: render(answers(reader, models), 2)}


def answers(reader: Reader, models: Models) -> dict[str, Any]:
    """The model of each answer, and the types of the fields of every model that occurs in one."""
    operations = {name: model for product in PRODUCTS for name, model in reader.answers(product).items()}
    operations |= CLIENT_SIDE_ANSWERS
    shapes: dict[str, dict[str, str]] = {"SyncResponse": SYNC_ANSWER}
    waiting = set(operations.values()) - shapes.keys()
    while waiting:
        name = waiting.pop()
        fields = models.fields(name) if name in models else []
        shapes[name] = {field.name: type_of(field.schema) for field in fields} | V1_ANSWERS.get(name, {})
        waiting |= {kind.strip("[]{}") for kind in shapes[name].values()} & set(models.names()) - shapes.keys()
    return {"operations": dict(sorted(operations.items())), "models": dict(sorted(shapes.items()))}


def add_values(groups: dict[str, dict[str, Any]], models: dict[str, Any]) -> None:
    """Write the allowed values into the schemas. Raises KeyError for a name that nothing has (any more)."""
    parameters = {name: fact["parameters"] for group in groups.values() for name, fact in group.items()}
    for place, values in VALUES.items():
        holder, name = place.split(".")
        if holder in parameters:
            parameters[holder][name]["schema"]["enum"] = values
        else:
            models[holder]["properties"][name]["enum"] = values


def render(value: object, depth: int, indent: str = "") -> str:
    """JSON that is short and that diffs well: objects are opened to `depth`, what is deeper stands on one line."""
    if depth == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    lines = [f"{inner}{json.dumps(key)}: {render(item, depth - 1, inner)}" for key, item in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + indent + "}" + ("" if indent else "\n")


def main() -> int:
    """Run the script. Returns its exit code."""
    parser = argparse.ArgumentParser(description="Writes the facts of the catalogue from the getstream package.")
    parser.add_argument("--source", type=Path, help="The package's folder; the installed one without it.")
    parser.add_argument("--check", action="store_true", help="Write nothing; exit with 1 where files would change.")
    options = parser.parse_args()
    source = options.source or find_source()
    if source is None:
        print("getstream is not installed: `pip install getstream`, or name its folder with --source.", file=sys.stderr)
        return 2
    changed = []
    for name, text in collect(source).items():
        file = FACTS / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            changed.append(name)
            if not options.check:
                file.write_text(text, encoding="utf-8")
    print("\n".join(f"{name} changed" for name in changed) or "No change.")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
