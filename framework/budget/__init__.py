"""What may be spent: kept by scope and day, reserved before it is spent."""
