"""The bridge into a log shipper: everything past the worker's last chunk."""
