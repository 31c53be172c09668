"""The operations that the service is known to have, as data."""
