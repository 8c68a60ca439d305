"""The processes: one supervisor, its workers, and on stdout the writer."""
