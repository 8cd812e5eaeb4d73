"""What the stages split, train, unlearn, evaluate and yardstick do, a module each, without DVC, MLflow or typer.

Each reads its inputs from where `pipeline.layout` says, does one thing and writes one folder. A module imports what its
stage runs and no more, so that dvc.yaml can name it alone: another evaluation leaves every trained model as it is.
"""
