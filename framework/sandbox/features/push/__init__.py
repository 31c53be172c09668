"""Devices, and what users want to be told of. The sandbox sends no push."""
