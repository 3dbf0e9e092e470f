"""Run what Athena would run: its SQL in DuckDB's words, over local files, in a process that reads those files and nothing else."""
