"""What a bot says is looked at before anybody sees it: links, mentions of everybody, the prompt's own text."""

from framework.outbound.domains import Domains, domains_in
from framework.outbound.leaks import Leaks
from framework.outbound.rules import OwnRules, Verdict
from framework.outbound.screen import Screen

UNSCREENED = Screen(is_on=False)
"""Leaves every text as it is."""

__all__ = ["UNSCREENED", "Domains", "Leaks", "OwnRules", "Screen", "Verdict", "domains_in"]
