"""`python -m fmsdk`: the same as the `fmsdk` command."""

from __future__ import annotations

import sys

from fmsdk.cli import main

sys.exit(main())
