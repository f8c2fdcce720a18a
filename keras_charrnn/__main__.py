"""`python -m keras_charrnn` is the program `keras-charrnn`."""

import sys

if (
    not sys.flags.safe_path
):  # Python has put the current folder before all others: no file in it is to stand for a module
    del sys.path[0]

from keras_charrnn.cli import main

sys.exit(main())
