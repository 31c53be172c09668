"""External storage: where imports come from. The sandbox reaches none."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


@dataclass(slots=True)
class ExternalStorage(Record):
    """A bucket with what it takes to reach it. `settings` are never shown."""

    KEY = ("name",)

    name: str
    type: str
    bucket: str
    path: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ImporterStorage(Record):
    """The one bucket that imports come from."""

    KEY = ("id",)

    type: str
    created_at: datetime
    updated_at: datetime
    settings: dict[str, Any] = field(default_factory=dict)
    id: str = "importer"


EXTERNAL_STORAGES = Table("external_storages", ExternalStorage)
IMPORTER_STORAGES = Table("importer_storages", ImporterStorage)


DOMAIN = Domain("storage")
TYPES = {"s3": "aws_s3", "gcs": "gcs_credentials", "abs": "azure_blob"}
_PATH = "/external_storage"
_IMPORTER = "/imports/v2/external-storage"
_SHOWN = {"aws_s3": ("bucket", "region", "role_arn", "path_prefix"), "gcs": ("bucket", "path_prefix")}
_UNREACHED = "the sandbox reaches no external storage"


@DOMAIN.operation("ListExternalStorage", "GET", _PATH, family="common", access=Access.SERVER)
def list_external_storage(call: Call) -> Result:
    """Return all storages by name."""
    return {"external_storages": {one.name: _view(one) for one in call.store[EXTERNAL_STORAGES]}}


@DOMAIN.operation("CreateExternalStorage", "POST", _PATH, family="common", access=Access.SERVER)
def create_external_storage(call: Call) -> Result:
    """Add a storage."""
    name = call.required_text("name", call.body)
    if name in call.store[EXTERNAL_STORAGES]:
        raise invalid(f"external storage {name} already exists")
    call.store[EXTERNAL_STORAGES].put(_taken(call, name))
    return {}


@DOMAIN.operation("UpdateExternalStorage", "PUT", _PATH + "/{name}", family="common", access=Access.SERVER, status=200)
def update_external_storage(call: Call) -> Result:
    """Replace a storage."""
    found = _find(call)
    found.become(_taken(call, found.name))
    return _view(call.store[EXTERNAL_STORAGES].put(found))


@DOMAIN.operation("DeleteExternalStorage", "DELETE", _PATH + "/{name}", family="common", access=Access.SERVER)
def delete_external_storage(call: Call) -> Result:
    """Remove a storage."""
    call.store[EXTERNAL_STORAGES].remove(_find(call).name)
    return {}


@DOMAIN.operation("CheckExternalStorage", "GET", _PATH + "/{name}/check", family="common", access=Access.SERVER)
def check_external_storage(call: Call) -> Result:
    """Return whether a file can be written to a storage: from here it cannot."""
    raise ApiError(400, 4, f"cannot write to bucket {_find(call).bucket}: {_UNREACHED}")


def _find(call: Call) -> ExternalStorage:
    found = call.store[EXTERNAL_STORAGES].get(call.path["name"])
    if found is None:
        raise not_found(f"external storage {call.path['name']} not found")
    return found


def _taken(call: Call, name: str) -> ExternalStorage:
    kind, bucket = call.required_text("storage_type", call.body), call.required_text("bucket", call.body)
    if kind not in TYPES:
        raise invalid(f"storage_type must be one of [{', '.join(TYPES)}]")
    if not call.body.get(TYPES[kind]):
        raise invalid(f"{TYPES[kind]} is a required field for storage_type {kind}")
    settings = {TYPES[kind]: call.body[TYPES[kind]]}
    return ExternalStorage(name, kind, bucket, call.text("path", call.body) or "", settings)


def _view(storage: ExternalStorage) -> dict[str, Any]:
    return {"name": storage.name, "type": storage.type, "bucket": storage.bucket, "path": storage.path}


@DOMAIN.operation("GetImporterExternalStorage", "GET", _IMPORTER, family="common", access=Access.SERVER)
def get_importer_storage(call: Call) -> Result:
    """Where imports come from; secrets are left out."""
    found = _importer(call)
    view: dict[str, Any] = {"type": found.type, "created_at": found.created_at, "updated_at": found.updated_at}
    for kind, names in (
        ("aws_s3", ("bucket", "region", "role_arn", "path_prefix")),
        ("gcs", ("bucket", "path_prefix")),
    ):
        part = found.settings.get(kind)
        if isinstance(part, dict):
            view[kind] = {name: part.get(name) or "" for name in names}
    if "gcs" in view:
        view["gcs"]["credentials_set"] = bool(found.settings["gcs"].get("credentials"))
    return view


@DOMAIN.operation("UpsertImporterExternalStorage", "PUT", _IMPORTER, family="common", access=Access.SERVER, status=200)
def upsert_importer_storage(call: Call) -> Result:
    """Set where imports come from."""
    kind = call.required_text("type", call.body)
    part = {"s3": "aws_s3", "aws_s3": "aws_s3", "gcs": "gcs"}.get(kind)
    if part is None:
        raise invalid("type must be one of [s3, gcs]")
    settings = call.mapping(part, call.body)
    call.required_text("bucket", settings)
    known = call.store[IMPORTER_STORAGES].get("importer")
    made = known or ImporterStorage(kind, call.now, call.now)
    made.type, made.settings, made.updated_at = kind, {part: settings}, call.now
    call.store[IMPORTER_STORAGES].put(made)
    return {}


@DOMAIN.operation("DeleteImporterExternalStorage", "DELETE", _IMPORTER, family="common", access=Access.SERVER)
def delete_importer_storage(call: Call) -> Result:
    """Forget where imports come from."""
    call.store[IMPORTER_STORAGES].remove(_importer(call).key)
    return {}


@DOMAIN.operation(
    "ValidateImporterExternalStorage", "POST", _IMPORTER + "/validate", family="common", access=Access.SERVER
)
def validate_importer_storage(call: Call) -> Result:
    """Return whether imports can be read: from here they cannot."""
    _importer(call)
    raise ApiError(400, 4, f"the import storage cannot be read: {_UNREACHED}")


def _importer(call: Call) -> ImporterStorage:
    found = call.store[IMPORTER_STORAGES].get("importer")
    if found is None:
        raise not_found("no external storage is configured for imports")
    return found


FEATURE = Feature(operations=(DOMAIN,))
