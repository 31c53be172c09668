"""Any server that speaks OpenAI's chat completions: its answers are put right, and what it refuses is left out."""
