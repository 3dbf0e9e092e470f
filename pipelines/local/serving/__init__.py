"""Serving models here: containers behind one socket each, the HTTP contract in front of them, endpoints, and the SageMaker Runtime API."""
