"""The one way to call a language model: client, structured output, retries, limiter, cache."""
