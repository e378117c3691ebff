"""Local servers that speak the contracts of the payment providers and the revenue authority, for demo and tests."""
