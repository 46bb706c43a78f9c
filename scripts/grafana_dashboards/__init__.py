"""The dashboards of the operations pack, one module each; `panels` and `pages` hold what they share."""
