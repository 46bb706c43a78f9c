"""The vocabulary that all layers share: operations, the adapter contract and every name, as data."""
