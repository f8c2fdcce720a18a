"""The machine: in which precision to multiply, and in how many parts at a time. TensorFlow only."""

import dataclasses
import os
import pathlib
import platform

from keras_charrnn.errors import SettingsError

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86 and ARM, as Linux names them
ROWS = 8  # fewest rows of a batch for which a core of their own pays
FLAGS_SINCE = (2, 21)  # release of TensorFlow
FLAGS = (
    "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT",
    "--xla_cpu_use_fusion_emitters=false",
)


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a run computes with.

    Attributes:
        precision: "float32" or "bfloat16", of the operands of products.
        replicas: Parts of a batch that are computed at once.
        processor: Its name.
        cores: That this process may use.
        gpus: Number of them.
        notes: What the user must know of the choice, each in a sentence.
        workers: Processes that train together, each with so many replicas.
    """

    precision: str
    replicas: int
    processor: str
    cores: int
    gpus: int
    notes: tuple = ()
    workers: int = 1

    @property
    def hardware(self):
        """GPUs or cores, and the processor, in words."""
        devices = f"{self.gpus} GPU" if self.gpus else f"{self.cores} cores"
        return f"{devices}, {self.processor}"

    def describe(self):
        """Return a line for the screen."""
        parts = "1 replica" if self.replicas == 1 else f"{self.replicas} replicas"
        workers = "" if self.workers == 1 else f"{self.workers} workers with "
        return f"{self.precision} products, {workers}{parts}{' each' if workers else ''}, {self.hardware}"


def prepare(precision="auto", replicas="auto", batch_size=64, workers=1, connect=None, cores=None):
    """Choose precision and replicas, and set TensorFlow's threads to suit, once for the process.

    Args:
        precision: "float32", "bfloat16", or "auto": bfloat16 where the processor has instructions for it.
        replicas: Their number, or "auto": on a CPU one for each core, as long as the batch divides into parts of 8 rows
            or more; else one for each GPU.
        batch_size: Of training.
        workers: N, the processes among which the batch is split before.
        connect: Called without arguments once TensorFlow's threads are set, before it has done anything; None for
            nothing.
        cores: To work with; None for all that this process may use.

    Returns:
        A `Machine`.

    Raises:
        SettingsError: If the batch does not divide among the replicas, there are fewer GPUs, or TensorFlow is set to
            something with which nothing can be trained.
    """
    import tensorflow as tf

    require_eager()
    if batch_size % workers:
        raise SettingsError(
            f"windows.batch_size {batch_size} does not divide among {workers} workers; take a multiple of "
            f"{workers}, or another number of workers"
        )
    batch_size //= workers
    notes, (own_cores, gpus, native) = [], look()
    cores = cores or own_cores
    precision, replicas = decide(precision, replicas, batch_size, cores, gpus, native)
    if batch_size % replicas:
        of_worker = "" if workers == 1 else " of a worker"
        raise SettingsError(
            f"windows.batch_size {batch_size}{of_worker} does not divide among compute.replicas {replicas}; take a "
            f"multiple of {replicas}, or compute.replicas auto"
        )
    if gpus and replicas > gpus:
        raise SettingsError(f"compute.replicas {replicas} needs as many GPUs; there are {gpus}")
    if not gpus:
        notes += _set_threads(tf, replicas, cores)
    if connect is not None:
        connect()
    if not gpus:
        _start_xla(tf)
    if precision == "bfloat16" and not native:
        notes.append("this processor has no instructions for bfloat16: it works, slower than float32")
    return Machine(precision, replicas, processor_name(), own_cores, gpus, tuple(notes), workers)


def look():
    """Return how many cores this process may use, how many GPUs, and whether products in bfloat16 are quick."""
    import tensorflow as tf

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gpus = len(tf.config.get_visible_devices("GPU"))
    return cores, gpus, bool(gpus) or has_bfloat16()


def decide(precision, replicas, batch_size, cores, gpus, native):
    """Return precision and replicas, as `prepare` takes them, without auto."""
    if precision == "auto":
        precision = "bfloat16" if native else "float32"
    if replicas == "auto":
        most = min(gpus or cores, max(1, batch_size // ROWS))
        replicas = next(n for n in range(most, 0, -1) if batch_size % n == 0)
    return precision, replicas


def require_eager():
    """See to it that TensorFlow computes at once and in one place, as a model needs it.

    Raises:
        SettingsError: If it does not.
    """
    import tensorflow as tf

    if not tf.executing_eagerly():
        raise SettingsError(
            "TensorFlow executes nothing eagerly, for tf.compat.v1.disable_eager_execution, disable_v2_behavior or the "
            "scope of a tf.Graph, and so Keras cannot train, nor a model be used; leave that out"
        )
    if tf.distribute.has_strategy():
        raise SettingsError(
            "a CharRNN cannot be made inside the scope of a tf.distribute strategy: leave the scope; "
            "compute.replicas in a recipe, or `replicas` of a model, split a batch among GPUs or cores"
        )


def _set_threads(tf, replicas, cores):
    """Have a thread for each core; return what the user must know, a list of sentences.

    All replicas share them. XLA hands some of what it has compiled to these threads, so that with one for each replica,
    or one for all, replicas would wait for one another's work.
    """
    threads = tf.config.threading
    try:
        threads.set_intra_op_parallelism_threads(cores)
        threads.set_inter_op_parallelism_threads(replicas)
    except RuntimeError:  # TensorFlow has started, and keeps the threads that it has
        present = threads.get_intra_op_parallelism_threads() or cores
        if present != cores:
            return [
                f"TensorFlow had started before, with products on {present} thread(s), where {cores} would be faster; "
                "call fit before anything else uses TensorFlow"
            ]
    return []


def _start_xla(tf):
    """Start XLA with YNNPACK for products alone, and not for sums and maxima, and with its plainer emitter of loops.

    Of a program with such sums that two replicas run for the first time, both add to one list, and now and then the
    process ends there (EmitYnnSubgraph, TensorFlow 2.21). Sums are as fast without. The emitter that is new in that
    release takes longer to compile the loops of a window, which are then no faster. The flags are read once; other
    programs that this one starts shall not see them. Earlier releases end where they do not know a flag.
    """
    if tuple(map(int, tf.__version__.split(".")[:2])) < FLAGS_SINCE:
        return
    before = os.environ.get("XLA_FLAGS")
    os.environ["XLA_FLAGS"] = f"{before or ''} {' '.join(FLAGS)}".strip()
    try:
        tf.function(lambda: tf.zeros(()), jit_compile=True)()
    except tf.errors.InvalidArgumentError as error:
        raise SettingsError(
            "XLA compiles nothing while tf.debugging watches each operation (enable_check_numerics, "
            "enable_dump_debug_info); leave that out: training.divergence finds a loss that is no number"
        ) from error
    finally:
        if before is None:
            del os.environ["XLA_FLAGS"]
        else:
            os.environ["XLA_FLAGS"] = before


def has_bfloat16():
    """Whether the processor says that it multiplies bfloat16 numbers."""
    return not BFLOAT16_FLAGS.isdisjoint(_cpuinfo("flags", "Features").split())


def has_avx2_alone():
    """Whether the processor says that it has AVX2, and not AVX-512."""
    flags = _cpuinfo("flags").split()
    return "avx2" in flags and "avx512f" not in flags


def processor_name():
    """Return the processor's name."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(*keys):
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.split("\t")[0].strip() in keys), "")
