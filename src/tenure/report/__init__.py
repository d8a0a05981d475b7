"""Values in, words out: text, ITF, JUnit, JSON."""
