"""Speech to text, with its times."""

from pathlib import Path

import fmsdk

client = fmsdk.Client()
speech = client.transcribe("local:demo-audio", Path(__file__).parent / "media" / "two_cities.flac")
for segment in speech.segments:
    print(f"{segment.start:6.2f} to {segment.end:6.2f} s  {segment.text.strip()}")
if speech.duration:
    print(f"{speech.duration:.1f} s of speech in {speech.latency.total:.1f} s")
