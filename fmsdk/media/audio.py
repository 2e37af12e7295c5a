"""Recordings: length, rate and channels from the header, through tinytag; samples as WAV.

Nothing is decoded or resampled here.
"""

from __future__ import annotations

import io
import wave
from numbers import Real
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fmsdk.errors import InvalidMedia, MissingExtra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tinytag import TinyTag

__all__ = ["MAX_CHANNELS", "timing_of", "wav_of", "whole_rate"]

MAX_CHANNELS = 8
_FULL_SCALE = 32767
_LOUDEST = 1.001  # what rounding makes of full scale, and cannot be heard
_MAX_RATE = 2**32 // (2 * MAX_CHANNELS) - 1  # what a WAV header's bytes a second can tell
_WAV_HEADER_BYTES = 44

Timing = tuple[float | None, int | None, int | None]


def timing_of(file: BinaryIO, mime: str) -> Timing:
    """(seconds, samples a second, channels), each None where the header does not tell: raw AAC,
    WebM and Matroska, AMR, CAF, and whatever else tinytag does not know.

    Raises:
        InvalidMedia: the header is broken. The message starts with a verb, for the caller to put
            the name of the file before it.
    """
    if mime == "audio/aac":  # tinytag takes ADTS for MP3 and finds a nonsensical length
        return None, None, None
    import tinytag

    try:
        found = tinytag.TinyTag.get(file_obj=file, tags=False)
    except tinytag.UnsupportedFormatError:
        return None, None, None
    except Exception as error:  # hostile bytes make a parser raise nearly anything
        reason = (str(error) or type(error).__name__).partition("\n")[0][:200]
        raise InvalidMedia(f"has a broken header: {reason}") from error
    seconds = _seconds_of_wav(found) if mime == "audio/wav" else found.duration
    return seconds, found.samplerate, found.channels


def _seconds_of_wav(found: TinyTag) -> float | None:
    """The length by the header; by the size of the file where the header tells of more than that
    or of nothing, as in WAV from a pipe, whose writer could not come back to fill in its length.
    """
    bits = (found.bitdepth or 0) * (found.samplerate or 0) * (found.channels or 0)
    if found.duration is None or not bits:
        return found.duration
    longest = max(0, found.filesize - _WAV_HEADER_BYTES) * 8 / bits
    return found.duration if 0 < found.duration <= longest else longest


def whole_rate(rate: Any) -> int:
    """Samples a second as a whole number. Raises InvalidMedia for what is none that can be."""
    is_number: bool = isinstance(cast("object", rate), Real)
    if not is_number or not 1 <= rate <= _MAX_RATE or rate != int(rate):
        raise InvalidMedia(
            f"the rate of samples is a whole number of them a second, up to {_MAX_RATE:,}, "
            f"not {rate!r}"
        )
    return int(rate)


def wav_of(samples: Any, rate: float) -> bytes:
    """Samples as a 16-bit PCM WAV file.

    Args:
        samples: a numpy array, torch tensor or (nested) sequence of shape [time] or
            [channels, time]. [time, channels] is taken where it can mean nothing else: more than
            8 rows of at most 8. Floats are scaled from −1…1; int16 stays.
        rate: samples a second, a whole number.

    Raises:
        InvalidMedia: another shape or type, no samples, floats beyond −1…1, NaN or infinity, or
            a rate that cannot be.
        MissingExtra: numpy is not installed.
    """
    rate = whole_rate(rate)
    frames = _pcm16(_interleaved(_array(samples)))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(frames.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.astype("<i2", copy=False).tobytes())
    return buffer.getvalue()


def _array(samples: Any) -> NDArray[Any]:
    try:
        import numpy as np
    except ImportError as error:
        raise MissingExtra(
            'audio samples need numpy: pip install "fmsdk[local]"', extra="local"
        ) from error
    if hasattr(samples, "detach"):  # a torch tensor; numpy has no half-precision of its kinds
        samples = samples.detach().cpu()
        samples = samples.float() if samples.is_floating_point() else samples
    try:
        return np.asarray(samples)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidMedia(f"audio samples cannot be read as an array: {error}") from error


def _interleaved(array: NDArray[Any]) -> NDArray[Any]:
    """The samples as [time, channels]."""
    if array.size == 0 or array.ndim not in (1, 2):
        raise InvalidMedia(
            f"audio samples have the shape [time] or [channels, time], not {list(array.shape)}"
        )
    if array.ndim == 1:
        return array[:, None]
    rows, columns = array.shape
    if rows <= MAX_CHANNELS:
        return array.T
    if columns <= MAX_CHANNELS:
        return array
    raise InvalidMedia(
        f"audio samples of shape {[rows, columns]} would be {min(rows, columns)} channels; "
        f"at most {MAX_CHANNELS} are taken, as [channels, time]"
    )


def _pcm16(array: NDArray[Any]) -> NDArray[np.int16]:
    import numpy as np

    if array.dtype == np.int16:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidMedia(f"audio samples are floats in −1…1 or int16, not {array.dtype}")
    if not np.isfinite(array).all():
        raise InvalidMedia("audio samples hold NaN or infinity")
    loudest = float(np.abs(array).max())
    if loudest > _LOUDEST:
        raise InvalidMedia(
            f"audio samples are floats in −1…1, and these go up to {loudest:g}: scale them to it, "
            "clip them, or pass int16"
        )
    return np.rint(np.clip(array, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
