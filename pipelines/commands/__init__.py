"""The commands of `sagewright`, one verb a module: parse, call one function, print, return an exit code."""
