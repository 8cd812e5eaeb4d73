"""What MLflow is told of a run; all else that speaks to it asks for a connection here."""
