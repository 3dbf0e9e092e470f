"""Serve a packaged model: raw rows in, answers out, on the images of SageMaker and in any process that has their libraries."""
