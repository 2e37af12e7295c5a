"""Questions the model cannot answer, and plain noise: both must meet a refusal, never a guess."""

from __future__ import annotations

import random
import string

TOPICS = (
    "the sea",
    "love",
    "a dog",
    "cats",
    "the moon",
    "football",
    "history",
    "money",
    "Paris",
    "music",
    "the weather",
    "computers",
    "a robot",
    "winter",
    "my mother",
    "bread",
    "a car",
    "the sun",
    "birds",
    "school",
    "physics",
    "Shakespeare",
    "the king",
    "Germany",
    "Japan",
    "chess",
    "coffee",
    "the news",
)
PLACES = (
    "France",
    "Spain",
    "Italy",
    "Peru",
    "Kenya",
    "India",
    "China",
    "Canada",
    "Rome",
    "Berlin",
    "Texas",
)
TEMPLATES = (
    "what is the capital of {place}?",
    "where is {place}?",
    "what is the population of {place}?",
    "how far is it to {place}?",
    "write a poem about {topic}.",
    "write a story about {topic}.",
    "write an email about {topic}.",
    "tell me a joke about {topic}.",
    "tell me about {topic}.",
    "explain {topic} to me.",
    "what do you think about {topic}?",
    "do you like {topic}?",
    "who invented {topic}?",
    "what is {topic}?",
    "translate '{topic}' into {place}'s language.",
    "what is {n} plus {m}?",
    "what is {n} + {m}?",
    "what is {n} times {m}?",
    "{n} * {m} = ?",
    "count to {n}.",
    "how old are you?",
    "who are you?",
    "what is your name?",
    "what time is it?",
    "what day is it today?",
    "how are you?",
    "hello",
    "hi there!",
    "good morning",
    "thank you",
    "thanks!",
    "help",
    "what can you do?",
    "can you help me?",
    "who is the president of {place}?",
    "when was {topic} discovered?",
    "why is the sky blue?",
    "what is the meaning of life?",
    "how do i cook rice?",
    "sing a song about {topic}.",
    "write a python function that sorts a list.",
    "summarise this text: {topic} and {topic} in {place}.",
    "what will the weather be like tomorrow in {place}?",
    "play some music.",
    "give me {n} ideas for {topic}.",
    "say something about {topic}.",
    "recommend a book about {topic}.",
    "i am in {place} and i want to know about {topic}.",
    "which is better, {topic} or {topic}?",
    "is {place} in {place}?",
    "is {topic} good?",
    "does {place} have {topic}?",
)
ODD = (
    "abcdefghijklmnopqrstuvwxyz" * 3 + string.digits + string.punctuation + "éüñßçøжщλ中日本語😀→∑"
)


def _noise(rng: random.Random) -> str:
    """Nothing anyone would ask: random letters in random groups, other scripts among them."""
    words = ("".join(rng.choices(ODD, k=rng.randint(1, 8))) for _ in range(rng.randint(1, 6)))
    return " ".join(words)


def off_topic(rng: random.Random) -> str:
    """A question about anything else than the shape."""
    if rng.random() < 0.2:
        return _noise(rng)
    text = rng.choice(TEMPLATES).format(
        topic=rng.choice(TOPICS),
        place=rng.choice(PLACES),
        n=rng.randint(1, 99),
        m=rng.randint(1, 99),
    )
    if rng.random() < 0.15:
        more = rng.choice(TEMPLATES)
        text = f"{text} {more.format(topic=rng.choice(TOPICS), place='Rome', n=3, m=4)}"
    if rng.random() < 0.6:
        text = text[0].upper() + text[1:]
    return text.rstrip("?.") if rng.random() < 0.2 else text
