"""One plain call by fmsdk, or by the vendor's SDK, for a process that does nothing else."""

from __future__ import annotations

__all__ = ["ours", "theirs"]


async def ours(wire: str, root: str) -> None:
    """fmsdk's `AsyncClient`; the answer is priced and timed."""
    import fmsdk

    models = {"anthropic": "anthropic:claude-sonnet-4-5", "google": "google:gemini-2.5-flash"}
    model = models.get(wire, "openai:gpt-4o-mini")
    provider = model.partition(":")[0]
    api = {"api": wire} if provider == "openai" else {}
    base = f"{root}/v1" if provider == "openai" else root
    providers = {provider: {"base_url": base, "api_key": "none", **api}}
    async with fmsdk.AsyncClient(providers=providers) as client:
        answer = await client.generate(model, "Say hello.")
    assert answer.cost is not None


async def theirs(wire: str, root: str) -> None:
    """The vendor's asynchronous SDK."""
    if wire == "anthropic":
        import anthropic

        async with anthropic.AsyncAnthropic(base_url=root, api_key="none") as claude:
            await claude.messages.create(
                model="claude-sonnet-4-5",
                messages=[{"role": "user", "content": "Say hello."}],
                max_tokens=1024,
            )
    elif wire == "google":
        from google import genai

        options = {"base_url": root, "api_version": "v1beta"}
        gemini = genai.Client(api_key="none", http_options=options)  # type: ignore[arg-type]
        await gemini.aio.models.generate_content(model="gemini-2.5-flash", contents="Say hello.")
    else:
        import openai

        async with openai.AsyncOpenAI(base_url=f"{root}/v1", api_key="none") as client:
            if wire == "chat":
                await client.chat.completions.create(
                    model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}]
                )
            else:
                await client.responses.create(model="gpt-4o-mini", input="Say hello.")
