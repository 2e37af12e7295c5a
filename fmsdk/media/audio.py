"""Recordings: length, rate and channels from the header, through tinytag; samples as WAV.

Decodes and resamples nothing.
"""

from __future__ import annotations

import io
import wave
from numbers import Real
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fmsdk.errors import InvalidMedia, MissingExtra
from fmsdk.media.limited_file import TooManyPieces
from fmsdk.media.sound_frames import Timing, timing_of_aac

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MAX_CHANNELS", "check_rate", "encode_wav", "timing_of"]

MAX_CHANNELS = 8
_FULL_SCALE = 32767
_LOUDEST = 1.001  # full scale after rounding; the difference is inaudible
_MAX_RATE = (
    2**32 // (2 * MAX_CHANNELS) - 1
)  # the most that the WAV header's bytes a second can hold
_WAV_HEADER_BYTES = 44


def timing_of(file: BinaryIO, mime: str) -> Timing:
    """(seconds, samples a second, channels), each None where the header does not tell: WebM and
    Matroska (see `fmsdk.media.film`), AMR, CAF, other formats that tinytag does not know, and files
    of too many pieces. The seconds include what encoders of MP3 and AAC put around a recording.

    Raises:
        InvalidMedia: the header is broken. The message starts with a verb; the caller puts the
            name of the file before it.
    """
    if mime == "audio/aac":  # tinytag takes ADTS for MP3 and computes a nonsensical length
        return timing_of_aac(file)
    import tinytag

    try:
        header = tinytag.TinyTag.get(file_obj=file, tags=False)
    except tinytag.UnsupportedFormatError:
        return None, None, None
    except Exception as error:  # hostile bytes make a parser raise nearly anything
        if isinstance(error.__cause__, TooManyPieces):
            return None, None, None
        reason = (str(error) or type(error).__name__).partition("\n")[0][:200]
        raise InvalidMedia(f"has a broken header: {reason}") from error
    seconds = header.duration
    bits = (header.bitdepth or 0) * (header.samplerate or 0) * (header.channels or 0)
    if mime == "audio/wav" and seconds is not None and bits:
        # A writer to a pipe cannot go back to fill in the length: it is 0 or far too large.
        longest = max(0, header.filesize - _WAV_HEADER_BYTES) * 8 / bits
        seconds = seconds if 0 < seconds <= longest else longest
    return seconds, header.samplerate, header.channels


def check_rate(rate: Any) -> int:
    """Samples a second as an int.

    Raises:
        InvalidMedia: not a whole number, or outside of what WAV can hold.
    """
    is_number: bool = isinstance(cast("object", rate), Real)
    if not is_number or not 1 <= rate <= _MAX_RATE or rate != int(rate):
        raise InvalidMedia(
            f"the sample rate is a whole number of samples a second, from 1 to {_MAX_RATE:,}, "
            f"not {rate!r}"
        )
    return int(rate)


def encode_wav(samples: Any, rate: float) -> bytes:
    """Samples as a 16-bit PCM WAV file.

    Args:
        samples: a numpy array, torch tensor or (nested) sequence of shape [time] or
            [channels, time]. [time, channels] is accepted where it is unambiguous: more than 8
            rows of at most 8. Floats are scaled from −1…1; int16 stays.
        rate: samples a second, a whole number.

    Raises:
        InvalidMedia: another shape or type, no samples, floats beyond −1…1, NaN or infinity, or
            an impossible rate.
        MissingExtra: numpy is not installed.
    """
    rate = check_rate(rate)
    frames = _to_pcm16(_to_interleaved(_to_array(samples)))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(frames.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.astype("<i2", copy=False).tobytes())
    return buffer.getvalue()


def _to_array(samples: Any) -> NDArray[Any]:
    try:
        import numpy as np
    except ImportError as error:
        raise MissingExtra(
            'audio samples need numpy: pip install "fmsdk[local]"', extra="local"
        ) from error
    if hasattr(samples, "detach"):  # a torch tensor; numpy lacks bfloat16
        samples = samples.detach().cpu()
        samples = samples.float() if samples.is_floating_point() else samples
    try:
        return np.asarray(samples)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidMedia(f"audio samples cannot be read as an array: {error}") from error


def _to_interleaved(array: NDArray[Any]) -> NDArray[Any]:
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
        f"at most {MAX_CHANNELS} are possible, as [channels, time]"
    )


def _to_pcm16(array: NDArray[Any]) -> NDArray[np.int16]:
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
            f"audio samples are floats in −1…1, and these go up to {loudest:g}: scale or clip "
            "them, or pass int16"
        )
    return np.rint(np.clip(array, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
