"""Numbers by which threads tell each other how far they are."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_ALIGNMENT = 8


def _first_item(context, builder, array_type, array):
    return cgutils.create_struct_proxy(array_type)(context, builder, array).data


@intrinsic
def read(typingctx, counter):
    """Read ``counter[0]`` (int64) now, not as it was before; what another thread did before it wrote is then seen."""

    def codegen(context, builder, signature, arguments):
        pointer = _first_item(context, builder, signature.args[0], arguments[0])
        return builder.load_atomic(pointer, "acquire", _ALIGNMENT)

    return types.int64(counter), codegen


@intrinsic
def write(typingctx, counter, value):
    """Write ``counter[0]`` (int64) after everything that this thread did before."""

    def codegen(context, builder, signature, arguments):
        pointer = _first_item(context, builder, signature.args[0], arguments[0])
        builder.store_atomic(arguments[1], pointer, "release", _ALIGNMENT)
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(counter, types.int64), codegen
