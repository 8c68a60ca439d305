"""From an object's bytes to its records: decompression, JSON, record times. No I/O."""
