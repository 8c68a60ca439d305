"""What trailfeed costs, as ratios within one run: ``scripts/bench``."""
