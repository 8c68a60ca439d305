"""What is to be seen of a running pool: its shared page, metrics and health."""
