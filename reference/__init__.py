"""The executable implementation: the second telling, which shares no code with the models."""
