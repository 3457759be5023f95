"""A call's record as data: life cycle, events, and the fold that makes the record of them. Pure."""
