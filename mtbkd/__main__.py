"""`python -m mtbkd`: the same as the command `mtbkd`."""

import sys

from mtbkd.serving.cli import main

sys.exit(main())
