"""The type of a table."""

from typing import Any

# A pandas DataFrame: pandas' own annotations do not describe what indexing returns, so that true ones raise false alarms.
Frame = Any
