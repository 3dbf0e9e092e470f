"""Let `python -m pipelines` be the command `sagewright`."""

from pipelines.cli import main

main()
