"""What agentotel costs: `scripts/bench` measures it, this package is how."""
