"""Who answers a client, by its class and its base URL."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agentotel.adapters.openai_protocol.endpoint import endpoint_of


class AsyncAzureOpenAI(SimpleNamespace):
    pass


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("api.mistral.ai", "mistral_ai"),
        ("api.perplexity.ai", "perplexity"),
        ("europe-west1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("notgroq.com", "openai"),
        ("groq.com.example.org", "openai"),
        ("10.0.0.7", "openai"),
    ],
)
def test_provider_by_host(host, provider):
    """Whole labels are compared, from the end: a host that only looks alike is not taken for a provider."""
    url = SimpleNamespace(host=host, port=None, scheme="https")
    assert endpoint_of(SimpleNamespace(base_url=url)) == (provider, host, 443)


def test_class_goes_before_host():
    """An Azure client behind a gateway of one's own is still Azure."""
    url = SimpleNamespace(host="gateway.local", port=8443, scheme="https")
    assert endpoint_of(AsyncAzureOpenAI(base_url=url)) == ("azure.ai.openai", "gateway.local", 8443)


def test_client_without_a_url_has_no_address():
    """A client that tells nothing gets no invented address or port."""
    assert endpoint_of(None) == ("openai", None, None)
