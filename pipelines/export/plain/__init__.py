"""The functions that exported files are made of: pandas and numpy only, read as text by `pipelines.export.source` and never imported by a command."""
