"""python -m visualbp"""

import sys

from visualbp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
