"""Hyperparameter tuning: what CreateHyperParameterTuningJob asks for, which values to try next, when to stop a trial, and what the job came to.

Proposals are functions of the seed, the trial's number and the results of earlier trials, so that the same seed tries the same values, also after a resume.
"""
