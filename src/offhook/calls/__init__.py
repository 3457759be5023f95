"""One call from its first INVITE to its final record: the asyncio shell around the conversation."""
