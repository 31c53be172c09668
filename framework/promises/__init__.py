"""What a bot promises people, and where that is kept until it is due."""
