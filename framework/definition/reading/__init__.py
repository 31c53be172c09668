"""Read the files of a bot, and put what is wrong in them into sentences."""
