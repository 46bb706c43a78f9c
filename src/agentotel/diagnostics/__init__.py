"""Tells what agentotel does on this machine, what it does not, and why."""
