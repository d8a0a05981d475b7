"""The true sentences that systems are held to, grouped by concern."""
