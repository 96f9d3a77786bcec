"""Ways in besides HTTP: each listens or polls, hands over what came, and answers only when it is on disk."""
