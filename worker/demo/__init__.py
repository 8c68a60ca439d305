"""``trailfeed demo``: the whole job on an embedded AWS, on this machine alone."""
