"""Whether a blocked term stands in a text, however it is disguised."""

from framework.moderation.words.hit import Hit, How
from framework.moderation.words.matcher import TermMatcher
from framework.moderation.words.term import Kind, Match, Term, read_terms

__all__ = ["Hit", "How", "Kind", "Match", "Term", "TermMatcher", "read_terms"]
