"""The product of a row with a matrix in WebAssembly with SIMD: a module of one function, put together here.

    matvec(x, w, y, k, n): y[j] = sum of x[i] w[i n + j], i < k, j < n

All are places in its memory, in bytes. Sixteen columns at a time are kept in four registers.
"""

import struct

I32, F32, V128 = 0x7F, 0x7D, 0x7B
PARAMETERS = ("x", "w", "y", "k", "n")
LOCALS = {"j": I32, "end": I32, "p": I32, "q": I32, "i": I32, "stride": I32, "s": F32, "v": V128} | {
    f"a{i}": V128 for i in range(4)
}
_INDEX = {name: place for place, name in enumerate([*PARAMETERS, *LOCALS])}
_SIMD = {"load": 0x00, "splat": 0x09, "store": 0x0B, "zero": 0x0C, "add": 0xE4, "mul": 0xE6}


def _whole(value):
    """Return an unsigned number in LEB128."""
    found = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        found.append(low | (0x80 if value else 0))
        if not value:
            return bytes(found)


def _signed(value):
    found = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        if (value == 0 and not low & 0x40) or (value == -1 and low & 0x40):
            return bytes([*found, low])
        found.append(low | 0x80)


def _get(name):
    return b"\x20" + _whole(_INDEX[name])


def _set(name):
    return b"\x21" + _whole(_INDEX[name])


def _number(value):
    return b"\x41" + _signed(value)


def _add(name, by):
    return _get(name) + by + b"\x6a" + _set(name)


def _simd(name, align=None, offset=0):
    memory = b"" if align is None else _whole(align) + _whole(offset)
    return b"\xfd" + _whole(_SIMD[name]) + memory


LOOP, BLOCK, END = b"\x03\x40", b"\x02\x40", b"\x0b"
LOAD, STORE = b"\x2a\x02\x00", b"\x38\x02\x00"  # f32
MUL, PLUS = b"\x94", b"\x92"  # f32
IS_LESS, IS_ZERO = b"\x49", b"\x45"  # unsigned; of i32


def _columns(width, before, each, after):
    """Return a loop over pieces of `width` bytes of the columns, within which one over all rows runs."""
    start = _get("w") + _get("j") + b"\x6a" + _set("p") + _get("x") + _set("q") + _get("k") + _set("i")
    step = _add("p", _get("stride")) + _add("q", _number(4)) + _add("i", _number(-1))
    rows = LOOP + each + step + _get("i") + b"\x0d\x00" + END
    rows = BLOCK + _get("k") + IS_ZERO + b"\x0d\x00" + rows + END  # of no rows the sum is 0
    leave = _get("j") + _get("end") + IS_LESS + IS_ZERO + b"\x0d\x01"
    return BLOCK + LOOP + leave + start + before + rows + after + _add("j", _number(width)) + b"\x0c\x00" + END + END


def module():
    """Return the bytes of the module, which imports its memory as `env.memory` and exports `matvec`."""
    wide = b"".join(_simd("zero") + bytes(16) + _set(f"a{i}") for i in range(4))
    sums = b"".join(
        _get(f"a{i}") + _get("v") + _get("p") + _simd("load", 2, 16 * i) + _simd("mul") + _simd("add") + _set(f"a{i}")
        for i in range(4)
    )
    splat = _get("q") + _simd("splat", 2) + _set("v")
    to = _get("y") + _get("j") + b"\x6a"
    stores = b"".join(to + _get(f"a{i}") + _simd("store", 2, 16 * i) for i in range(4))
    single = _get("s") + _get("q") + LOAD + _get("p") + LOAD + MUL + PLUS + _set("s")
    body = (
        _get("n") + _number(2) + b"\x74" + _set("stride")
        + _get("n") + _number(-16) + b"\x71" + _number(2) + b"\x74" + _set("end")
        + _columns(64, wide, splat + sums, stores)
        + _get("stride") + _set("end")
        + _columns(4, b"\x43" + struct.pack("<f", 0) + _set("s"), single, to + _get("s") + STORE)
        + END
    )  # fmt: skip
    declared = b"".join(b"\x01" + bytes([kind]) for kind in LOCALS.values())
    code = _whole(len(LOCALS)) + declared + body
    kind = b"\x60" + _whole(len(PARAMETERS)) + bytes([I32] * len(PARAMETERS)) + b"\x00"
    sections = {
        1: b"\x01" + kind,
        2: b"\x01\x03env\x06memory\x02\x00\x00",
        3: b"\x01\x00",
        7: b"\x01\x06matvec\x00\x00",
        10: b"\x01" + _whole(len(code)) + code,
    }
    return b"\x00asm\x01\x00\x00\x00" + b"".join(
        bytes([number]) + _whole(len(content)) + content for number, content in sections.items()
    )
