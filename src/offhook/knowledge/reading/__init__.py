"""Files to passages of text, in a process of its own: what is uploaded is nobody's friend until it was read."""
