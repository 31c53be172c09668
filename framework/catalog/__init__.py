"""The operations of Stream as data: what there is, and which one fits an intent."""
