"""The work of a piece of PyTorch: operations, bytes, and the least time that they take on a machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from gradnet_ros.bench.ceilings import Ceilings


class Operation(NamedTuple):
    """One operation that PyTorch carried out.

    Attributes:
        name: such as ``aten.convolution``.
        flops: multiplications and additions of convolutions and matrix products; 0 for all else.
        bytes: of its inputs, read once, and its outputs, written once; 0 for a view.
    """

    name: str
    flops: int
    bytes: int


class Work(NamedTuple):
    """What a call did.

    Attributes:
        operations: in their order.
        source_bytes: what was read without having been computed: weights, templates, the input.
    """

    operations: tuple[Operation, ...]
    source_bytes: int

    @property
    def flops(self) -> int:
        """Multiplications and additions of convolutions and matrix products."""
        return sum(operation.flops for operation in self.operations)

    @property
    def bytes(self) -> int:
        """Bytes that all operations read and write, each on its own."""
        return sum(operation.bytes for operation in self.operations)

    def floor(self, ceilings: Ceilings) -> float:
        """Seconds that no implementation gets below: all arithmetic, or all sources read from memory once."""
        return max(self.flops / ceilings.flops, self.source_bytes / ceilings.memory_bytes)

    def layered_floor(self, ceilings: Ceilings) -> float:
        """Seconds for operations that run one after the other, each at its arithmetic or its bytes in cache.

        What fuses operations can get below it.
        """
        return sum(
            max(operation.flops / ceilings.flops, operation.bytes / ceilings.cache_bytes)
            for operation in self.operations
        )


def count_work(call: Callable[[], object]) -> Work:
    """Run something once and count what PyTorch does for it, in the calling thread.

    Code outside of PyTorch (OpenCV's crops, NumPy's peak) is not counted.
    """
    with _Counter() as counter:
        call()
    return Work(tuple(counter.operations), sum(counter.sources.values()))


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch's own hook
    """Notes every operation below PyTorch's own decompositions."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.sources: dict[int, int] = {}  # storage -> bytes of it that were read and not made here
        self._made: set[int] = set()
        self._kept: list[Tensor] = []  # A freed storage's address would be taken for that of the next.

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self._kept += inputs + outputs
        if _is_view(func):
            self._made |= {_storage(each) for each in outputs if self._is_made(inputs)}
            return result
        written = _written(func, args, kwargs)
        read = [each for each in inputs if id(each) not in written]
        for each in read:
            if _storage(each) not in self._made:
                self.sources[_storage(each)] = max(self.sources.get(_storage(each), 0), _size(each))
        self._made |= {_storage(each) for each in outputs}
        packet = func._overloadpacket
        flops = flop_registry[packet](*args, **kwargs, out_val=result) if packet in flop_registry else 0
        moved = sum(map(_size, read)) + sum(map(_size, outputs))
        self.operations.append(Operation(str(packet), int(flops), moved))
        return result

    def _is_made(self, inputs: list[Tensor]) -> bool:
        return any(_storage(each) in self._made for each in inputs)


def _is_view(func: Any) -> bool:
    """Whether an operation's outputs are other looks at its inputs."""
    returns = func._schema.returns
    return bool(returns) and all(each.alias_info and not each.alias_info.is_write for each in returns)


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> set[int]:
    """Arguments that an operation only writes to: ``out`` and the target of a copy."""
    only = {"out", "self"} if func._overloadpacket.__name__ in ("copy_", "fill_", "zero_") else {"out"}
    values = dict(zip((each.name for each in func._schema.arguments), args, strict=False)) | kwargs
    return {id(values[name]) for name in only if isinstance(values.get(name), Tensor)}


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
