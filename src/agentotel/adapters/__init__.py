"""Adapters: one pure map per library, from its calls to operations; `registry` lists them."""
