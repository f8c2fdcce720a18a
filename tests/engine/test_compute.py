import subprocess
import sys

import pytest
import tensorflow as tf

from keras_charrnn.engine import compute
from keras_charrnn.errors import SettingsError


def test_the_choice_fits_the_batch_and_the_machine():
    machine = compute.prepare("float32", "auto", batch_size=64)
    assert machine.replicas in (1, 2) and 64 % machine.replicas == 0
    assert compute.prepare("auto", "auto", batch_size=7).replicas == 1
    assert compute.prepare("auto", 2, batch_size=2).replicas == 2
    assert compute.prepare("auto", 64, batch_size=64).replicas == 64 or machine.gpus
    assert machine.cores >= 1 and machine.processor and "float32 products" in machine.describe()


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(SettingsError, match=r"batch_size 50 does not divide among compute\.replicas 3; take"):
        compute.prepare(replicas=3, batch_size=50)


def test_threads_that_tensorflow_has_started_with_are_told_where_others_would_be_faster():
    tf.zeros(1)  # starts it, unless another test has
    machine = compute.prepare(replicas=2, batch_size=64)
    present = tf.config.threading.get_intra_op_parallelism_threads() or machine.cores
    told = [note for note in machine.notes if f"started before, with products on {present} thread(s)" in note]
    assert len(told) == (present != machine.cores)


@pytest.mark.parametrize(("flags", "native"), [("fma avx512_bf16", True), ("fma amx_bf16", True), ("fma avx2", False)])
def test_bfloat16_is_chosen_where_the_processor_has_it(monkeypatch, flags, native):
    monkeypatch.setattr(compute, "_cpuinfo", lambda *keys: flags if "flags" in keys else "A processor")
    assert compute.prepare("auto").precision == ("bfloat16" if native else "float32")
    notes = compute.prepare("bfloat16").notes
    assert any("no instructions for bfloat16" in note for note in notes) != native


@pytest.mark.parametrize(
    ("flags", "alone"), [("avx avx2 fma", True), ("avx avx2 avx512f", False), ("asimd bf16", False)]
)
def test_avx2_alone_is_without_avx_512(monkeypatch, flags, alone):
    monkeypatch.setattr(compute, "_cpuinfo", lambda *keys: flags)
    assert compute.has_avx2_alone() == alone


SUMS = """
import os
import tensorflow as tf
from keras_charrnn.engine import compute
os.environ["XLA_FLAGS"] = "--xla_cpu_enable_fast_math=false"
compute.prepare(batch_size=16)
assert os.environ["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=false"
x = tf.zeros((1250, 65))
f = tf.function(lambda x: tf.nn.log_softmax(x), jit_compile=True)
print(f.experimental_get_compiler_ir(x)("optimized_hlo"))
"""


@pytest.mark.thorough
def test_xla_does_without_the_library_that_ends_the_process_now_and_then():
    done = subprocess.run([sys.executable, "-c", SUMS], capture_output=True, text=True)
    assert "reduce" in done.stdout, done.stderr
    assert "ynn" not in done.stdout
