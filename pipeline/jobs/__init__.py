"""What the stages that work with models do, without DVC, MLflow or a command line: a module a stage.

Each reads its inputs from where `pipeline.layout` says, does one thing and writes one folder. A module imports what its
stage runs and no more, so that dvc.yaml can name it alone: another evaluation leaves every trained model as it is.
"""
