"""Muon: updates of matrices that turn all directions alike."""

import keras

from keras_charrnn.engine.orthogonal import orthogonalize


@keras.saving.register_keras_serializable(package="keras_charrnn")
class Muon(keras.optimizers.Muon):
    """Keras's Muon at a fraction of its cost: `engine.orthogonal` stands for its Newton-Schulz iterations.

    The momentum of a matrix is made orthogonal, block by block of its rows, before it is subtracted, times the learning
    rate and 0.2 of the root of the larger width, so that all directions learn at one pace. What `exclude_layers` names,
    the embedding, and all that is no matrix take AdamW's step.

    Args:
        precision: Of the products: "float32" or "bfloat16".
        kwargs: Keras's, but for those of the iterations that are not made: `ns_steps`, `muon_a`, `muon_b`, `muon_c`.

    Raises:
        TypeError: If one of those is given.

    Sources: K. Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024; J. Liu et al., Muon is
    scalable for LLM training, 2025 (the size of an update, and weight decay).
    """

    def __init__(self, learning_rate=0.015, precision="float32", **kwargs):
        for name in ("ns_steps", "muon_a", "muon_b", "muon_c"):
            if name in kwargs:
                raise TypeError(f"there are no Newton-Schulz iterations here, for {name!r} to steer")
        super().__init__(learning_rate, **kwargs)
        self.precision = precision

    def zeropower_via_newtonschulz5(self, x, steps):
        return orthogonalize(x, self.precision)

    def get_config(self):
        config = super().get_config()
        for name in ("ns_steps", "muon_a", "muon_b", "muon_c"):
            del config[name]
        return {**config, "precision": self.precision}
