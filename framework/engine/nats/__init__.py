"""The journal in NATS JetStream: for more than one machine, without a database on the way of a turn."""
