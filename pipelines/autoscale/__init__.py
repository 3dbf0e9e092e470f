"""What automatic scaling would do to an endpoint: a simulation over recorded service times (pure: no file, no clock, randomness by a seed that is passed)."""
