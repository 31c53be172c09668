"""Where personal data stands in a text: e-mail addresses, phone numbers, IBANs, cards, addresses of networks."""

from framework.personal_data.find import KINDS, Found, find

__all__ = ["KINDS", "Found", "find"]
