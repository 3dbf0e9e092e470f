"""Feature groups: what they are made from, and a local store with the layout and the rules of SageMaker Feature Store."""
