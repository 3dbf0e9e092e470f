"""One module a step: `compose` returns the SDK's step object."""
