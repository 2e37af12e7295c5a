"""Turns the progress bars of transformers into calls of a `fmsdk.provider.Progress`.

Nothing of transformers is drawn on the terminal meanwhile: that is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

from transformers import modeling_gguf_pytorch_utils
from transformers.utils import logging

from fmsdk.provider import Progress

__all__ = ["reported"]


Report = Callable[[int, int | None], None]


@contextmanager
def reported(progress: Progress | None, stage: str) -> Generator[None]:
    """Report the bars drawn inside as `stage`. Process-wide: hold the lock of loading."""

    def report(done: int | None, total: int | None) -> None:
        if progress is not None:
            progress(stage, done, total)

    gguf: Any = modeling_gguf_pytorch_utils
    drawn = gguf.tqdm  # the one bar that does not go through transformers' own hook
    hook = logging.set_tqdm_hook(lambda factory, args, kwargs: _Bar(report, *args, **kwargs))
    gguf.tqdm = partial(_Bar, report)
    report(None, None)
    try:
        yield
    finally:
        gguf.tqdm = drawn
        logging.set_tqdm_hook(hook)


class _Bar:
    """Stands in for tqdm: counts, and draws nothing."""

    def __init__(
        self, report: Report, iterable: Any = None, *_: Any, total: int | None = None, **__: Any
    ) -> None:
        self._report = report
        self._items = iterable
        self._done = 0
        self._total = len(iterable) if total is None and hasattr(iterable, "__len__") else total

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            yield item
            self.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int = 1) -> None:
        self._done += n
        self._report(self._done, self._total)

    def __getattr__(self, name: str) -> Any:
        """Everything that changes what tqdm draws."""
        return _nothing


def _nothing(*_: Any, **__: Any) -> None:
    pass
