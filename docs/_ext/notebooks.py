"""The notebooks, which are Python files in cells, as Jupyter notebooks."""

import jupytext
from nbformat import NotebookNode


def read(text: str) -> NotebookNode:
    """The notebook, in the language that its file does not state."""
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    return notebook
