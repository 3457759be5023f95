"""What happens after a call: questions answered, a summary, its cost complete, and the event that tells of it all."""
