"""Tools that act outside of a call, for the agent's runner."""
