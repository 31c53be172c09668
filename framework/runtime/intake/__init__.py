"""How turns come to be: membership, catching up, schedules, events of other replicas."""
