"""What happens to a record between its decoding and its chunk: pure functions."""
