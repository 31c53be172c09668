"""One store of decisions: what waits for a person's word, who decided, and the one execution that may follow.

Three kinds of things wait: tool calls of a bot (`tool`), answers of a bot (`draft`), operations of the chat
(`operation`). Each is asked for, decided, claimed and finished in the database that `DATABASE_URL` names. A channel
only shows what waits: nothing in it is taken for a decision but the words and reactions of the team.
"""

from framework.approvals.approval import Approval, Card, Decision, Kind, NotWaitingError, Request, State
from framework.approvals.store import ApprovalStore

__all__ = ["Approval", "ApprovalStore", "Card", "Decision", "Kind", "NotWaitingError", "Request", "State"]
