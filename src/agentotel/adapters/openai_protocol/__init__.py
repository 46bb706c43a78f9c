"""The OpenAI protocol as operations, for every adapter of a library that speaks it."""
