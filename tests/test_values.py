"""Texts that no database, no model server and no log could take."""

import json

import pytest

from framework.values import well_formed, well_formed_json


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("plain", "plain"),
        ("🌱 whole", "🌱 whole"),
        ("\ud83c alone", "\ufffd alone"),
        ("alone \udf31", "alone \ufffd"),
        ("\udf31\ud83c turned", "\ufffd\ufffd turned"),
        ("\ud83c\udf31 in two", "🌱 in two"),
    ],
)
def test_halves_of_surrogate_pairs_are_replaced_and_pairs_are_joined(text: str, mended: str) -> None:
    assert well_formed(text) == mended
    mended.encode()


def test_json_is_mended_in_its_depth_and_in_the_names_of_its_fields() -> None:
    value = json.loads('{"\\ud83c": ["\\udf31", {"n": 1, "t": null}], "ok": "🌱"}')
    assert well_formed_json(value) == {"\ufffd": ["\ufffd", {"n": 1, "t": None}], "ok": "🌱"}
