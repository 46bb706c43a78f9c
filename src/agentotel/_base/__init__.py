"""What everything else stands on: the fail-open guard, the errors and the clock. Nothing of ours lies below."""
