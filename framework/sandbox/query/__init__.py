"""Filters, sorting and paging, as Stream's queries have them."""
