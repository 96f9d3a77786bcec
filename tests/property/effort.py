"""How hard things are tried: a little in every run of the suite, so many times as much with BATON_FUZZ (`make deep` says 20)."""

import os
from typing import Final

TIMES: Final = int(os.environ.get("BATON_FUZZ", "1"))
