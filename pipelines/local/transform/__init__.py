"""Batch transform: files cut into mini-batches, sent to a model over HTTP, and its answers put together in order.

Sources for what the service does: AWS developer guide, "Use Batch Transform", "Associate Prediction Results with Input Records", "Batch transform
troubleshooting" and "Use Your Own Inference Code with Batch Transform"; API reference, CreateTransformJob.
"""
