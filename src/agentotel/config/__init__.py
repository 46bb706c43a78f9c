"""Everything that the user can set: one table, one precedence, one reader of environment and files."""

from agentotel.config.load import Loaded, Problem, load, load_settings
from agentotel.config.settings import Settings

__all__ = ["Loaded", "Problem", "Settings", "load", "load_settings"]
