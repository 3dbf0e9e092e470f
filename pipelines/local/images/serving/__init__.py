"""What runs inside a serving container: a master that keeps workers alive, and what each kind of image answers."""
