"""Vectorisation of loops over neurons, in single or double precision.

A loop is vectorised when it runs over `BLOCK` neurons whose variables lie in one flat array at constant distances (no
overlap to check), with exponentials made of arithmetic alone, and with constants in the array's own precision.
"""

import math
from decimal import Decimal

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic, overload

#: Neurons advanced together. Their variables, 13 kB in single precision, stay in the first-level cache.
BLOCK = 128

#: Loops over a block that is not full end at a multiple of this, so that no neuron is left for a loop without vectors.
VECTORS = 32


@intrinsic
def prefer_wide_vectors(typingctx):
    """Let loops of the calling function use the processor's widest vectors."""

    def codegen(context, builder, signature, arguments):
        # llvmlite knows few attributes by name
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(), codegen


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the memory of ``array[index]``, of a flat array, ahead of its use; changes no number."""

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, i32, i32, i32])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        place = builder.bitcast(builder.gep(data, [arguments[1]]), pointer)
        builder.call(function, [place, i32(0), i32(2), i32(1)])  # for reading, kept in the second-level cache, data
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(array, index), codegen


@njit(error_model="numpy", inline="always")
def whole_vectors(n):
    """Return the next multiple of `VECTORS` (uint64, which saves the code for negative indices)."""
    return np.uint64((n + VECTORS - 1) // VECTORS) * np.uint64(VECTORS)


if config.DISABLE_JIT:

    def prefetch(array, index) -> int:
        """Do nothing: nothing is compiled."""
        return 0

    def prefer_wide_vectors() -> int:
        """Do nothing: nothing is compiled."""
        return 0


def multiply_add(a, b, c):
    """Return ``a * b + c``, rounded once in compiled code, for three numbers of the same precision.

    It is one instruction on processors that have it (all since about 2013), and gives the same bits on others.
    """
    return a * b + c


@intrinsic
def _fused(typingctx, a, b, c):
    def codegen(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return a(a, b, c), codegen


@overload(multiply_add)
def _multiply_add(a, b, c):
    if not a == b == c or a not in (types.float32, types.float64):
        return None

    def implementation(a, b, c):
        return _fused(a, b, c)

    return implementation


def exponential(x):
    """Return the exponential of a float32 or float64; in compiled code by Taylor series and a shift of the exponent.

    With n the integer nearest to x / ln 2, ``exp(x) = 2**n exp(x - n ln 2)``. The series of the second factor, whose
    argument is within 0.347, is truncated below the rounding error; 2**n is made by moving n into the exponent bits.

    Arguments are clipped to -87 ... 88 (single) and -708 ... 709 (double), so that results are neither subnormal nor
    infinite. The relative error within this range is at most 8e-8 (single) and 1.3e-16 (double), which a test checks.
    """
    return math.exp(x)


class _Constants:
    """Constants in one precision, frozen into compiled code."""

    def __init__(self, real, lowest, highest, head_bits):
        self.lowest, self.highest = real(lowest), real(highest)
        self.per_octave = real(1.0 / math.log(2.0))
        # adding and subtracting 1.5 * 2**bits rounds to an integer, which is held in the last bits of the sum
        self.rounding = real(1.5 * 2.0 ** np.finfo(real).nmant)
        # ln 2 in two parts; the first has so few bits that its products with n are exact
        self.ln2_head = real(round(math.log(2.0) * 2.0**head_bits) / 2.0**head_bits)
        self.ln2_rest = real(Decimal(2).ln() - Decimal(float(self.ln2_head)))
        self.series = tuple(real(1.0 / math.factorial(k)) for k in range(14))


_SINGLE = _Constants(np.float32, -87.0, 88.0, 12)
_DOUBLE = _Constants(np.float64, -708.0, 709.0, 32)
_SINGLE_BITS = np.int32(_SINGLE.rounding.view(np.int32) - 127)  # less the bias of the exponent
_DOUBLE_BITS = np.int64(_DOUBLE.rounding.view(np.int64) - 1023)


@njit(error_model="numpy")
def _power_single(total):
    return np.int32((np.float32(total).view(np.int32) - _SINGLE_BITS) << np.int32(23)).view(np.float32)


@njit(error_model="numpy")
def _power_double(total):
    return np.int64((np.float64(total).view(np.int64) - _DOUBLE_BITS) << np.int64(52)).view(np.float64)


@overload(exponential)
def _exponential(x):
    if x not in (types.float32, types.float64):
        return None
    single = x == types.float32
    constants, power_of_two = (_SINGLE, _power_single) if single else (_DOUBLE, _power_double)
    lowest, highest, per_octave = constants.lowest, constants.highest, constants.per_octave
    rounding, minus_ln2_head, minus_ln2_rest = constants.rounding, -constants.ln2_head, -constants.ln2_rest
    _, one, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = constants.series

    def implementation(x):
        x = min(max(x, lowest), highest)
        total = multiply_add(x, per_octave, rounding)
        n = total - rounding
        f = multiply_add(n, minus_ln2_rest, multiply_add(n, minus_ln2_head, x))
        series = c7
        if not single:
            series = multiply_add(multiply_add(multiply_add(c13, f, c12), f, c11), f, c10)
            series = multiply_add(multiply_add(multiply_add(series, f, c9), f, c8), f, c7)
        series = multiply_add(multiply_add(multiply_add(series, f, c6), f, c5), f, c4)
        series = multiply_add(multiply_add(multiply_add(series, f, c3), f, c2), f, one)
        return multiply_add(series, f, one) * power_of_two(total)

    return implementation
