"""Tools to try agents with: scenarios, a scripted model, a caller with a voice and ears, a line without a network.

``scenarios`` plays whole calls from files (docs/testing.md), ``scripted_model`` is a language model that does well or
badly as told, ``virtual_time`` a loop in which an hour takes no time.
"""
