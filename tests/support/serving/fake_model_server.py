"""A server process around the fake model: no TensorFlow, so it starts at once.

python -m tests.support.serving.fake_model_server --port=...
"""

import sys

from serving.server.__main__ import main
from tests.support.serving.fakes import fake_loader

if __name__ == "__main__":
    sys.exit(main(loader=fake_loader))
