"""Look at anyone's preparation or training script without running it, and find what leaks test rows into training.

The script's syntax tree is walked in the order in which Python would run it; for every variable it is known which rows it holds (all, or those of a
split), which columns, and what was learned from rows on its way. Nothing of the script is executed or imported.
"""
