"""Speech to text by Whisper, on CTranslate2 (faster-whisper) or on transformers.

`load` picks the library by the checkpoint's format, `runner` runs either of them on the engine's
thread, and `model` turns what the runner emits into a transcription or into events.
"""
