"""The audit log: who executed what, on whose behalf, who approved it, and what came of it.

It stands in the database that `DATABASE_URL` names, so that all replicas write one log.
"""

from framework.audit.entry import Entry, Outcome
from framework.audit.log import AuditLog

__all__ = ["AuditLog", "Entry", "Outcome"]
