"""Offhook answers and places phone calls with AI agents, and keeps a complete record of each call."""

__version__ = "0.1.0"
