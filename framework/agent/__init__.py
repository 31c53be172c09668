"""From a conversation to an answer: model choice, knowledge, tools, the LangChain agent. Knows of no chat service."""
