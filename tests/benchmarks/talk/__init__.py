"""Messages that no article answers, and follow-ups: the data of `python -m tests.benchmarks.talk`.

`questions.json` was looked at while the rules were made, `fresh.json` was not. `follow_ups.json` holds a question over
`bots/support_bot`, what follows it, and the article that is meant.
"""
