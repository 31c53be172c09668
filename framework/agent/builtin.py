"""The names of tools that the agent brings itself. No rule of a bot applies to them."""

SEARCH = "search_knowledge"
OFFER_PERSON = "offer_person"
HAND_OVER = "hand_over"
REMEMBER, RECALL, FORGET = "remember_fact", "recall_facts", "forget_facts"

BUILT_IN = frozenset({SEARCH, OFFER_PERSON, HAND_OVER, REMEMBER, RECALL, FORGET})
