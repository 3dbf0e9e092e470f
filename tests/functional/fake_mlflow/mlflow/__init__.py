"""Stand in for MLflow's client: keep its calls in a file. Its calls, names and limits are those of MLflow 3.17, against which they were tried by hand."""
