"""Look at a table and say what is in it, what is wrong with it and what would mend it: `profile` makes the report, `page` draws it."""

from jobkit.profile.findings import KINDS, SEVERITIES
from jobkit.profile.page import page
from jobkit.profile.profiler import DEFAULTS, FORMAT, VERSION, profile, profile_table

__all__ = ["DEFAULTS", "FORMAT", "KINDS", "SEVERITIES", "VERSION", "page", "profile", "profile_table"]
