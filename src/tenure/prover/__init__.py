"""The symbolic reading: obligations as values, induction, a second solver, a proof cache."""
