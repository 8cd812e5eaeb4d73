"""Requests to be forgotten: who asked, until when, and how far it is.

Two append-only files of events in git (`ledger`): requests.csv says what people decided, and the split follows it;
requests_progress.csv says what the pipeline and the registry did about it, and nothing follows that. Were they one
file, every registered version would change what the split depends on, after the split was made.
"""
