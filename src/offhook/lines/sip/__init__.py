"""SIP: a sans-I/O core (messages, transactions, dialogs, offer/answer, calls) and a thin asyncio shell around it."""
