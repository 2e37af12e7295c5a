"""What servers say of a context that is too long, and of a medium that a model does not take."""

# ruff: noqa: E501 - each text is one line

from __future__ import annotations

TOO_LONG: list[tuple[str, int | None, int | None]] = [
    (
        "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens (8001 in the messages, 1000 in the completion).",
        9001,
        8192,
    ),
    (
        "This model's maximum context length is 2048 tokens. However, you requested 16 output tokens and your prompt contains at least 2033 input tokens, for a total of at least 2049 tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
        2049,
        2048,
    ),
    (
        "The prompt (total length 9001) is too long to fit into the model (context length 8192).",
        9001,
        8192,
    ),
    (
        "The decoder prompt (length 6013) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller",
        6013,
        4096,
    ),
    (
        "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request has 20 input tokens (5000 > 4096 - 20).",
        5000,
        4096,
    ),
    (
        "The input (516368 tokens) is longer than the model's context length (262144 tokens).",
        516368,
        262144,
    ),
    (
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5000 tokens: 4488 tokens from the input messages and 512 tokens for the completion.",
        5000,
        4096,
    ),
    (
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        537812,
        131072,
    ),
    (
        "Prompt contains 300000 tokens and 0 draft tokens, too large for model with 131072 maximum context length",
        300000,
        131072,
    ),
    ("Please reduce the length of the messages or completion.", None, None),
    ("the request exceeds the available context size, try increasing it", None, None),
    (
        "request (9001 tokens) exceeds the available context size (8192 tokens), try increasing it",
        9001,
        8192,
    ),
    (
        "Trying to keep the first 9001 tokens when context the overflows. However, the model is loaded with context length of only 8192 tokens, which is not enough.",
        9001,
        8192,
    ),
    (
        "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 9001>= n_ctx: 8192).",
        9001,
        8192,
    ),
    ("the input length exceeds the context length", None, None),
    ("input length exceeds maximum context length", None, None),
    ("prompt too long; exceeded max context length by 4096 tokens", None, None),
    ("invalid params, context window exceeds limit (2013)", None, None),
    ("Your request exceeded model token limit: 262144 (requested: 300000)", 300000, 262144),
    (
        "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 512 `max_new_tokens`",
        9000,
        8193,
    ),
    ("The prompt is too long: 300001, model maximum context length: 131071", 300001, 131071),
    ("Input length 131393 exceeds the maximum allowed input length of 131040.", 131393, 131040),
    ("Input is too long for requested model.", None, None),
    ("<400> Range of input length should be [1, 129024]", None, 129024),
    (
        "too many tokens: total number of tokens in the message cannot exceed 128000 - received 130001",
        130001,
        128000,
    ),
    ("prompt is too long: 208310 tokens > 200000 maximum", 208310, 200000),
    (
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again",
        209573,
        200000,
    ),
    (
        "The input token count (1048600) exceeds the maximum number of tokens allowed (1048576).",
        1048600,
        1048576,
    ),
    ("Your input exceeds the context window of this model.", None, None),
    (
        "Prompt has 300,000 tokens, but the configured context size is 131,072 tokens",
        300000,
        131072,
    ),
    ("prompt token count of 145000 exceeds the limit of 128000", 145000, 128000),
    ("input (513 tokens) is too large to process. increase the physical batch size", None, None),
    ("The engine prompt length 5014 exceeds the max_model_len 4096.", 5014, 4096),
    ("Prompt length of 5014 is longer than the maximum model length of 4096.", 5014, 4096),
    ("Context size has been exceeded.", None, None),
]
"""Texts, with the tokens asked for and the limit that they name."""

NOT_TOO_LONG = [
    "max_tokens is too large: 200000. This model supports at most 16384 completion tokens.",
    "Invalid 'user': string too long. Expected a string with maximum length 64, but got 70.",
    "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 9000",
    "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    "The image exceeds the maximum size of 5 MB",
    "tools.0.name: string exceeds the maximum length of 64 characters",
    "Number of images exceeds the limit of 16",
    "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens",
    "The audio exceeds the limit of 1500 seconds",
    "At most 1 image(s) may be provided in one prompt.",
]

REFUSED = [
    ("Qwen/Qwen3-8B is not a multimodal model", "media"),
    (
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
        "image",
    ),
    ("audio input is not supported - hint: you may need to provide the mmproj", "audio"),
    ("Model does not support images. Please use a model that does.", "image"),
    ("No endpoints found that support image input", "image"),
    ("No endpoints found that support input audio", "audio"),
    ("messages[0]: unknown variant `image_url`, expected `text` at line 1 column 290", "image"),
    ("this model does not support image input", "image"),
    ("Image inputs are not supported by this model.", "image"),
    ("Invalid content type. image_url is only supported by certain models.", "image"),
    ("this model is missing data required for image input", "image"),
    ("messages[0].content must be a string", "media"),
    ("[('messages.0.content' : value must be a string)]", "media"),
    ("This model doesn't support multimodal input", "media"),
    ("Image input is not enabled for this model", "image"),
    ("m does not support vision", "image"),
    ("model does not support audio", "audio"),
    ("Images are not supported for this model", "image"),
    ("The model does not support file content", "document"),
    ("This model does not support audio or images", "audio"),
    ("Image input modality is not enabled for this model", "image"),
]
"""Texts, with the medium that they name."""

NOT_REFUSED = [
    "This model does not support image generation",
    "Image URLs are not supported",
    "image format is not supported",
    "The image data you provided does not represent a valid image",
    "This model does not support audio output",
    "This model does not support image formats other than PNG",
]
