"""An OpenAI-compatible server that answers with the offline model, to test and to measure with."""
