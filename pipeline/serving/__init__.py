"""What answers about picture files: a loaded model, batches of files, and a version that MLflow serves."""
