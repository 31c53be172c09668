"""Editors know the keys of campaigns."""

from __future__ import annotations

import jsonschema

from framework.campaigns.model import CampaignDefinition
from framework.definition.loader import bots_folder
from framework.definition.reading.positions import read_yaml
from framework.definition.schema import schema_of, schema_text

SCHEMA = schema_of(CampaignDefinition, "campaigns/NAME.yaml")


def test_the_schema_beside_the_bots_is_that_of_the_model() -> None:
    file = bots_folder() / "campaign.schema.json"
    said = "run: python -m framework schema --campaign -o bots/campaign.schema.json"
    assert file.read_text(encoding="utf-8") == schema_text(SCHEMA), said


def test_the_campaigns_of_our_bots_follow_it() -> None:
    files = sorted(bots_folder().glob("*/campaigns/*.yaml"))
    assert files
    for file in files:
        jsonschema.validate(read_yaml(file).value, SCHEMA)
        first = file.read_text(encoding="utf-8").splitlines()[0]
        assert first == "# yaml-language-server: $schema=../../campaign.schema.json"
