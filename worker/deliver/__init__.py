"""The worker's loop: from received messages to acknowledged chunks, and back."""
