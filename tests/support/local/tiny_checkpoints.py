"""Tiny checkpoints with random but fixed weights: real classes, real files, a second to make.

They prove the plumbing: whatever runs them is compared with transformers' own `generate`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from tests.support.lazy_import import torch, transformers

CONTEXT = 512
BOS, END, PAD = "<s>", "<|im_end|>", "<pad>"
CHAT = "<|im_start|>"
IMAGE, BEGIN_IMAGE, END_IMAGE, VIDEO = "<image>", "<image_begin>", "<image_end>", "<video>"
AUDIO = "<audio>"
# Shapes of ChatML, Hermes tools and Qwen3's switch for thinking: what real templates do.
TEXT_TEMPLATE = (
    "{% if tools %}<|im_start|>system\nTools:{% for tool in tools %}\n{{ tool | tojson }}"
    "{% endfor %}<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}<tool_call>\n{{ call.function | tojson }}\n"
    "</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking %}<think>\n{% endif %}{% endif %}"
)
IMAGE_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% for part in message.content %}{% if part.type == 'image' %}PLACEHOLDER"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CORPUS = (
    "The capital of France is Paris. What colour is the shape in the picture? It is a red circle.",
    "Das ist ein schöner Tag für alle Bären, café, naïve, 你好，世界。 Привет, мир! 😀👍🏽 αβγ",
    '{"name": "weather", "arguments": {"city": "Paris"}} <tool_call> </tool_call> <think> </think>',
)


def tokenizer(*special: str, bos: bool = False) -> transformers.PreTrainedTokenizerFast:
    """Byte-level BPE of 400 tokens, so that characters are cut into several tokens."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[PAD, BOS, END, CHAT, *special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(_CORPUS, trainer)
    if bos:
        inner.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", special_tokens=[(BOS, inner.token_to_id(BOS))]
        )
    token_names = {IMAGE: "image_token", BEGIN_IMAGE: "boi_token", END_IMAGE: "eoi_token"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[CHAT],
        extra_special_tokens={
            token_names[token]: token for token in special if token in token_names
        },
        clean_up_tokenization_spaces=False,
    )


def _text(**changes: Any) -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.5,  # wide: logits far apart, so that no rounding changes an argmax
        **changes,
    }


def _ids(words: transformers.PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(words),
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def _save(model: Any, processor: Any, path: Path, **generation: Any) -> Path:
    words = getattr(processor, "tokenizer", processor)
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id, **generation
    )
    model.save_pretrained(path)
    processor.save_pretrained(path)
    return path


def llama(path: Path, *, template: str | None = TEXT_TEMPLATE, **changes: Any) -> Path:
    """A causal language model; without a template, a base model."""
    words = tokenizer()
    words.chat_template = template
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**{**_text(), **_ids(words), **changes})
    return _save(transformers.LlamaForCausalLM(config), words, path)


def base(path: Path) -> Path:
    """A base model: no chat template."""
    return llama(path, template=None)


def systemless(path: Path) -> Path:
    """Its template refuses a system prompt, and two turns of the same speaker (as Gemma's)."""
    refusing = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}"
        "{% endif %}{% for message in messages %}"
        "{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% endfor %}"
    )
    return llama(path, template=refusing + TEXT_TEMPLATE)


def deaf(path: Path) -> Path:
    """Its template leaves a system prompt out, without a word."""
    return llama(
        path,
        template=TEXT_TEMPLATE.replace(
            "{% for message in messages %}",
            "{% for message in messages if message.role != 'system' %}",
        ),
    )


def terse(path: Path) -> Path:
    """Ends every answer before it begins."""
    return scripted_model(path, [END])


def parrot(path: Path) -> Path:
    """Says 😀 for ever, a byte or two at a time."""
    return scripted_model(path, tokenizer().tokenize("😀"))


def vast(path: Path) -> Path:
    """Never ends, in a context that no memory can hold."""
    return scripted_model(path, tokenizer().tokenize("😀"), max_position_embeddings=10**13)


def thinker(path: Path) -> Path:
    """Thinks before it answers, whatever it is asked."""
    return scripted_model(path, ["<think>", "H", "m.", "</think>", "\n\n", "Yes", END])


def caller(path: Path) -> Path:
    """Calls the tool "weather", whatever it is asked, in Hermes' form."""
    call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rom"}}\n</tool_call>'
    return scripted_model(path, [*(call[n : n + 5] for n in range(0, len(call), 5)), END])


def scripted_model(
    path: Path,
    say: list[str],
    *,
    template: str = TEXT_TEMPLATE,
    special: tuple[str, ...] = (),
    **changes: Any,
) -> Path:
    """A model that says `say`, over and over: each token leads to the next, and every other
    token to the first. `special`: control tokens beside the usual ones."""
    assert len(set(say)) == len(say)
    words = tokenizer(*special)
    words.chat_template = template
    words.add_tokens([piece for piece in say if piece not in words.get_vocab()])
    cycle = words.convert_tokens_to_ids(say)
    size = -(-len(words) // 8) * 8
    config = transformers.LlamaConfig(
        **_text(hidden_size=size, head_dim=8, **changes), **_ids(words)
    )
    model: Any = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.model.norm.weight.fill_(1)
        model.model.embed_tokens.weight.copy_(torch.eye(len(words), size))
        model.lm_head.weight[cycle[0]].fill_(0.1)
        for token, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            model.lm_head.weight[following, token] = 1
    return _save(model, words, path)


def reciting_model(
    path: Path, say: list[str], *, prompt_tokens: int, template: str, special: tuple[str, ...] = ()
) -> Path:
    """A model that says `say` after any prompt of `prompt_tokens`, in which pieces may repeat: the
    first GPTs know positions by a table, and here the position alone decides."""
    words = tokenizer(*special)
    words.chat_template = template
    words.add_tokens([piece for piece in say if piece not in words.get_vocab()])
    config = transformers.GPT2Config(
        n_positions=CONTEXT, n_embd=CONTEXT, n_layer=1, n_head=4, tie_word_embeddings=False,
        **_ids(words),
    )  # fmt: skip
    model: Any = transformers.GPT2LMHeadModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.transformer.ln_f.weight.fill_(1)
        model.transformer.wpe.weight.copy_(torch.eye(CONTEXT))
        for number, token in enumerate(words.convert_tokens_to_ids(say)):
            model.lm_head.weight[token, prompt_tokens - 1 + number] = 1
    return _save(model, words, path)


def llava(path: Path) -> Path:
    """CLIP tower, projector and Llama. Its tokenizer writes BOS itself, as llava-hf's do."""
    words = tokenizer(IMAGE, bos=True)
    image = transformers.CLIPImageProcessorPil(
        size={"height": 28, "width": 28}, crop_size={"height": 28, "width": 28}
    )
    processor = transformers.LlavaProcessor(
        image_processor=image,
        tokenizer=words,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=IMAGE_TEMPLATE.replace("PLACEHOLDER", IMAGE),
    )
    vision = transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=28,
        patch_size=14,
        initializer_factor=10.0,
    )
    torch.manual_seed(0)
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=transformers.LlamaConfig(**_text(), **_ids(words)),
        image_token_index=words.convert_tokens_to_ids(IMAGE),
    )
    return _save(transformers.LlavaForConditionalGeneration(config), processor, path)


def qwen2_5_vl(path: Path) -> Path:
    """Pictures of any size, positions in three dimensions."""
    words = tokenizer(IMAGE, VIDEO, BEGIN_IMAGE, END_IMAGE)
    words.chat_template = IMAGE_TEMPLATE.replace("PLACEHOLDER", BEGIN_IMAGE + IMAGE + END_IMAGE)
    # No processor: its video half needs torchvision. The files are those of the real checkpoints.
    transformers.Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=112 * 112).save_pretrained(
        path
    )
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
    config = transformers.Qwen2_5_VLConfig(
        text_config={**_text(), **_ids(words), "rope_parameters": rope},
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 4,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
            "window_size": 56,
            "initializer_range": 0.2,
        },
        image_token_id=words.convert_tokens_to_ids(IMAGE),
        video_token_id=words.convert_tokens_to_ids(VIDEO),
        vision_start_token_id=words.convert_tokens_to_ids(BEGIN_IMAGE),
        vision_end_token_id=words.convert_tokens_to_ids(END_IMAGE),
    )
    torch.manual_seed(0)
    return _save(transformers.Qwen2_5_VLForConditionalGeneration(config), words, path)


def qwen2_audio(path: Path) -> Path:
    """A language model that hears: 25 tokens for a second of sound."""
    words = tokenizer(AUDIO)
    processor = transformers.Qwen2AudioProcessor(
        feature_extractor=transformers.WhisperFeatureExtractor(feature_size=80),
        tokenizer=words,
        chat_template=IMAGE_TEMPLATE.replace("image", "audio").replace("PLACEHOLDER", AUDIO),
        audio_token=AUDIO,
    )
    config = transformers.Qwen2AudioConfig(
        text_config={**_text(), **_ids(words), "model_type": "qwen2"},
        audio_config={
            "model_type": "qwen2_audio_encoder",
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 64,
            "num_mel_bins": 80,
        },
        audio_token_index=words.convert_tokens_to_ids(AUDIO),
    )
    torch.manual_seed(0)
    return _save(transformers.Qwen2AudioForConditionalGeneration(config), processor, path)


def gemma3(path: Path) -> Path:
    """Sliding windows, and attention in both directions within a picture."""
    words = tokenizer(IMAGE, BEGIN_IMAGE, END_IMAGE)
    processor = transformers.Gemma3Processor(
        image_processor=transformers.Gemma3ImageProcessorPil(size={"height": 28, "width": 28}),
        tokenizer=words,
        image_seq_length=4,
        chat_template=IMAGE_TEMPLATE.replace("PLACEHOLDER", BEGIN_IMAGE),
    )
    config = transformers.Gemma3Config(
        text_config=transformers.Gemma3TextConfig(
            **_text(head_dim=8, sliding_window=16, query_pre_attn_scalar=8), **_ids(words)
        ),
        vision_config=transformers.SiglipVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=28,
            patch_size=14,
        ),
        tie_word_embeddings=False,
        mm_tokens_per_image=4,
        boi_token_index=words.convert_tokens_to_ids(BEGIN_IMAGE),
        eoi_token_index=words.convert_tokens_to_ids(END_IMAGE),
        image_token_index=words.convert_tokens_to_ids(IMAGE),
    )
    torch.manual_seed(0)
    model: Any = transformers.Gemma3ForConditionalGeneration(config)
    with torch.no_grad():  # made as zeros: pictures would change nothing
        model.model.multi_modal_projector.mm_input_projection_weight.normal_()
    return _save(model, processor, path)
