"""Nothing that a module of the sandbox offers is left out of the registry, and records name keys that they store."""

from __future__ import annotations

import pkgutil
from collections import Counter
from importlib import import_module
from types import ModuleType

import pytest

from framework.sandbox import chat, features
from framework.sandbox.chat.feature import Feature, Features
from framework.sandbox.features import catalog
from framework.sandbox.kernel.operations import Domain
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table


def modules() -> list[ModuleType]:
    rooms = (chat, features)
    names = [item.name for room in rooms for item in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]
    return [import_module(name) for name in names]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__.removeprefix("framework.sandbox."))
def test_what_a_module_offers_is_in_the_registry(module: ModuleType) -> None:
    domains = [value for value in vars(module).values() if isinstance(value, Domain)]
    own = [value for value in vars(module).values() if isinstance(value, Feature)]
    assert all(feature in catalog.ALL for feature in own)
    assert all(any(domain is one for feature in own for one in feature.operations) for domain in domains)


def test_a_feature_is_listed_once_and_a_kind_of_plan_has_one_handler() -> None:
    assert not [name for name, times in Counter(map(id, catalog.ALL)).items() if times > 1]
    kinds = [kind for feature in catalog.ALL for kind in feature.due]
    assert sorted(kinds) == sorted(Features(catalog.ALL).due)


def test_a_record_names_stored_fields_as_its_key_or_makes_it_itself() -> None:
    tables = {value for module in modules() for value in vars(module).values() if isinstance(value, Table)}
    assert len(tables) > 40
    for table in tables:
        kind: type[Record] = table.record
        assert set(kind.KEY) <= kind.names(), table.name
        assert kind.KEY or "key" in vars(kind), table.name
    assert len({table.name for table in tables}) == len(tables)
