"""What processes of a study do in the tests, in a module that is imported quickly."""

import os
import signal

from keras_charrnn.errors import WriteError


def shout(order, tell):
    """Do an order, in whatever process."""
    print("not an answer")
    tell(f"with {order['word']}")
    if order["word"] == "full":
        raise WriteError("the disk is full")
    if order["word"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order["word"] == "break":
        raise ValueError("a bad word")
    return {"word": order["word"].upper(), "process": os.getpid()}
