"""The report: what the bots did in a period, what they could not answer, and what it cost."""
