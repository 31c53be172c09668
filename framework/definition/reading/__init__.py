"""From the files of a bot to values, and from what is wrong in them to sentences."""
