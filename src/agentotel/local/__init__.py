"""The embedded backend: an OTLP receiver, a store in one SQLite file, and the queries over it."""
