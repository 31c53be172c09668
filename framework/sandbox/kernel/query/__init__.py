"""Filters, sorting, paging, and values at dotted paths."""
