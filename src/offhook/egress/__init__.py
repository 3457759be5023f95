"""Requests to addresses that users name: where they may go."""
