"""An account against what is wanted: looked at, and mended part by part."""
