"""The functions that exported files are made of: pandas and numpy only.

`pipelines.export.source` reads them as text; no command imports them.
"""
