"""Other people's places for the record of a run. Only here is MLflow imported, and only when something is sent."""
