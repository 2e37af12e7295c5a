"""Turns the progress bars of transformers into calls of a `fmsdk.provider.Progress`.

transformers draws nothing on the terminal meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

from transformers import modeling_gguf_pytorch_utils
from transformers.utils import logging

from fmsdk.provider import Progress

__all__ = ["report_progress"]

Report = Callable[[int, int | None], None]


@contextmanager
def report_progress(progress: Progress | None, stage: str) -> Generator[None]:
    """Report the progress bars of the block as `stage`. Process-wide: hold `LOADING_LOCK`."""

    def report(done: int | None, total: int | None) -> None:
        if progress is not None:
            progress(stage, done, total)

    gguf: Any = modeling_gguf_pytorch_utils
    gguf_tqdm = gguf.tqdm  # the one bar that ignores transformers' own hook
    hook = logging.set_tqdm_hook(lambda factory, args, kwargs: _SilentBar(report, *args, **kwargs))
    gguf.tqdm = partial(_SilentBar, report)
    report(None, None)
    try:
        yield
    finally:
        gguf.tqdm = gguf_tqdm
        logging.set_tqdm_hook(hook)


class _SilentBar:
    """Replaces tqdm: reports the count, and draws nothing."""

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
        """The methods that change what tqdm draws: they do nothing."""

        def ignore(*_: object, **__: object) -> None:
            pass

        return ignore
