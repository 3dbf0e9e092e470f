"""Monitoring on this machine: whose captured data is held against which baseline, by the very job that a schedule on AWS runs."""
