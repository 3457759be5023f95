"""Tools to try agents with: a simulated caller with a voice and ears, fixed-delay providers."""
