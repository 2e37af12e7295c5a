"""A question about a picture. A path, bytes, a URL or a PIL image will do."""

from pathlib import Path

import fmsdk

picture = fmsdk.Image(Path(__file__).parent / "media" / "blue_circle.png")
print(picture.mime, picture.size)

client = fmsdk.Client()
for question in ("What shape is in the picture?", "What is the color of the shape?"):
    print(question, client.generate("local:demo-vision", [picture, question]).text)
