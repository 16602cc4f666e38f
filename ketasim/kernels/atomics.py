"""Atomic counters by which threads report their progress to each other."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

_ALIGNMENT = 8


def read(counter):
    """Read ``counter[0]`` (int64) with acquire order: what another thread did before it wrote is visible."""
    return counter[0]


def write(counter, value):
    """Write ``counter[0]`` (int64) with release order, after everything that this thread did before."""
    counter[0] = value


def _first_item(context, builder, array_type, array):
    return cgutils.create_struct_proxy(array_type)(context, builder, array).data


@intrinsic
def _load(typingctx, counter):
    def codegen(context, builder, signature, arguments):
        pointer = _first_item(context, builder, signature.args[0], arguments[0])
        return builder.load_atomic(pointer, "acquire", _ALIGNMENT)

    return types.int64(counter), codegen


@intrinsic
def _store(typingctx, counter, value):
    def codegen(context, builder, signature, arguments):
        pointer = _first_item(context, builder, signature.args[0], arguments[0])
        builder.store_atomic(arguments[1], pointer, "release", _ALIGNMENT)
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(counter, types.int64), codegen


@overload(read)
def _read(counter):
    def implementation(counter):
        return _load(counter)

    return implementation


@overload(write)
def _write(counter, value):
    def implementation(counter, value):
        _store(counter, value)

    return implementation
