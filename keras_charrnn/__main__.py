"""`python -m keras_charrnn` is the program `keras-charrnn`."""

import sys

from keras_charrnn.cli import main

sys.exit(main())
