"""The Model Context Protocol as operations: what all versions of its SDK share, and one module per generation."""
