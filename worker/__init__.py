"""trailfeed's worker: everything on the AWS side, up to the bridge's socket."""
