"""What a message means for a handover, whatever its language: a request for a person, anger, danger."""
