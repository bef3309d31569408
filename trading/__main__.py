"""`python -m trading`: the same entry point as the `trading` script."""

import sys

from trading.cli.main import main

sys.exit(main())
