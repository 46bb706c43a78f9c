"""The composition root: the only place that joins the parts and gives them to OpenTelemetry's launcher.

Nothing is imported here: the launcher loads `environment_variables` in a process that must start fast.
"""
