"""What is done once messages are sent: calls that follow from decisions, and a look at what nobody looked at before."""
