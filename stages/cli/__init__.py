"""The console script `dlfd`: one file a group of commands."""

from __future__ import annotations

import typer

from stages.cli import certificate, data, erase, evaluate, models, predict, request, rounds, search, table, verify

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(data.app, name="data")
app.add_typer(models.app, name="models")
app.add_typer(certificate.app, name="certificate")
app.add_typer(request.app, name="request")
app.add_typer(rounds.app, name="round")
app.command()(erase.erase)
app.command()(erase.scan)
app.command()(evaluate.evaluate)
app.command()(predict.predict)
app.command()(search.search)
app.command()(table.table)
app.command()(verify.verify)
