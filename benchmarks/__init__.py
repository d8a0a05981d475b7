"""How fast Tenure is, beside its peers, on the machine at hand. Not part of the distribution: run from a checkout."""
