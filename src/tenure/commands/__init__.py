"""Commands: each puts rooms together for one verb of the command line, and returns values."""
