"""How a window is run fast. TensorFlow only. Nobody needs to read this folder to write a cell.

A window flows through it so (T time, B batch, D width of the input, H units, G gates, V symbols):

1. `input_products`: the input product of all steps at once, zx = x W (T, B, G*H), or a look-up in a table (V, G*H)
   where the inputs are symbols.
2. `scan`: the loop over time, and where in it a row returns to the initial states (`restarts`).
3. `step_calls`: how many steps are one call of compiled code. All of them (`WholeWindow`), where the recurrent product
   zr = h U (B, G*H) can be made inside, as `compiled_product` finds: by XLA itself (`xla_product`, or of a large U in
   float32 `transposed_product`), or, of a large U in bfloat16, by oneDNN with U packed once a window
   (`onednn_product`). XLA then compiles one step, forward and backward, in a `loop`. Else one (`StepByStep`), with
   TensorFlow's product between the calls.
4. `step`: the pointwise rest of a step, a cell's `combine`, as one function that XLA compiles: zx, zr and the states
   (B, H) -> the new states. Going back, it runs again under a tape, so that nothing of it is kept.
5. `scan` again: the gradients of W, U and b are one product each for the whole window, after the loop.
6. `loss`: from the last layer's outputs (T*B, H) to the mean cross-entropy and its gradient, in one compiled pass.

Beside the way: `products` (a matrix product in a precision, with its gradient), `rows` and `norms` (means, maxima and
norms of the rows of a step), `recurrence` (cells whose recurrence is linear need no loop of products), `noise` (from
explicit seeds), `stand_ins` (tensors in the place of a cell's weights, and what its equations may not do), `as_traced`
(without TensorFlow's graph optimizer), `eagerly` (all of it as plain Python), `compute` (the machine: precision,
replicas, threads).
"""
