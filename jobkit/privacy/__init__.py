"""Ask a model whether a row was in its training data: what can be told from its answers, an attacker could tell, too."""
