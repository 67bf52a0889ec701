"""`python -m pipeline` is `ktp`."""

import os
import sys

# Before anything of ours is imported: `-m` has put the working directory first, and a
# user's `model.py` there is not ours. In the repository itself, it is.
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if not sys.flags.safe_path and os.path.abspath(sys.path[0]) != _ROOT:
    del sys.path[0]

from pipeline.cli import main  # noqa: E402

main()
