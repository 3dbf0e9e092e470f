"""Carry a fitted recipe elsewhere: as a plain Python file, as a notebook, as data."""
