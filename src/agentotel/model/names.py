"""Every attribute, event and scope name that agentotel writes, spelled once.

The names are those of the OpenTelemetry GenAI semantic conventions as implemented by opentelemetry-util-genai 1.3b0
(https://github.com/open-telemetry/semantic-conventions-genai), and our own where no convention exists.
`agentotel.model.conventions` maps them to the guide's names for ``AGENTOTEL_CONVENTIONS=guide``.
"""

from __future__ import annotations

from typing import Final

SCOPE: Final = "agentotel"
"""Name of the instrumentation scope of everything that agentotel records."""

RECORDING_KEY: Final = "agentotel.recording"
"""Key of the OpenTelemetry context under which the innermost open recording stands."""

# --- GenAI conventions: what the operation is ---
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_DESCRIPTION: Final = "gen_ai.agent.description"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
OUTPUT_TYPE: Final = "gen_ai.output.type"

# --- GenAI conventions: request ---
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"

# --- GenAI conventions: response and usage ---
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"

# --- GenAI conventions: content, off by default ---
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"

RETRIEVAL_QUERY: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"

# --- GenAI conventions: retrieval ---
DATA_SOURCE_ID: Final = "gen_ai.data_source.id"

# --- Model Context Protocol ---
MCP_METHOD: Final = "mcp.method.name"
MCP_SESSION_ID: Final = "mcp.session.id"
MCP_PROTOCOL_VERSION: Final = "mcp.protocol.version"
MCP_RESOURCE_URI: Final = "mcp.resource.uri"
JSONRPC_REQUEST_ID: Final = "jsonrpc.request.id"
RPC_STATUS_CODE: Final = "rpc.response.status_code"
PROMPT_NAME: Final = "gen_ai.prompt.name"
NETWORK_TRANSPORT: Final = "network.transport"

# --- Conventions of single providers ---
OPENAI_API_TYPE: Final = "openai.api.type"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_FINGERPRINT: Final = "openai.response.system_fingerprint"

# --- Stable conventions ---
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

# --- Who is it for (agentotel.identity): on every span and every log record ---
REQUEST_ID: Final = "request.id"
USER_ID: Final = "user.id"
TENANT_ID: Final = "tenant.id"
SESSION_ID: Final = "session.id"

# --- Ours, where no convention exists ---
AGENT_TEMPLATE: Final = "agent.template"
MESSAGE_LENGTH: Final = "agent.message.length"
MESSAGE_COUNT: Final = "agent.message.count"
TOKEN_LIMIT: Final = "agent.token.limit"  # noqa: S105 - tokens of a model
TOKENS_USED: Final = "agent.tokens.used"
COST: Final = "agent.cost"
COST_CURRENCY: Final = "agent.cost.currency"
COST_PRICES: Final = "agent.cost.prices"
RETRIES: Final = "agent.retries"
RATE_LIMITS: Final = "agent.rate_limits"
STATUS: Final = "agent.status"
STEP_NAME: Final = "agent.step.name"
GUARDRAIL_TRIGGERED: Final = "agent.guardrail.triggered"
RETRIEVER_NAME: Final = "agent.retriever.name"
DOCUMENT_COUNT: Final = "agent.retrieval.document_count"
BUDGET_SCOPE: Final = "agent.budget.scope"
BUDGET_LIMIT: Final = "agent.budget.limit"
BUDGET_SPENT: Final = "agent.budget.spent"
LOOP_KIND: Final = "agent.loop.kind"
LOOP_LENGTH: Final = "agent.loop.length"
LOOP_DETECTED: Final = "agentotel.loop.detected"
"""On the span of an agent's run: there were signs of a loop in it."""
ABANDONED: Final = "agentotel.abandoned"
"""Its result was dropped: never awaited, or a stream neither used up nor closed."""
INTERRUPTED: Final = "agentotel.interrupted"
"""Its process ended before it did."""

# --- Names of log records (their event name) ---
EVENT_CHAT_STARTED: Final = "agent.chat.started"
EVENT_TOKEN_LIMIT: Final = "agent.token.limit.approaching"  # noqa: S105 - the same
EVENT_LOOP: Final = "agent.loop.detected"
EVENT_BUDGET: Final = "agent.budget.used"
EVENT_MODEL_FAILED: Final = "agent.model_call.failed"
EVENT_TOOL_FAILED: Final = "agent.tool.failed"
EVENT_INFERENCE_DETAILS: Final = "gen_ai.client.inference.operation.details"

CONTENT_ATTRIBUTES: Final = frozenset(
    {
        INPUT_MESSAGES,
        OUTPUT_MESSAGES,
        SYSTEM_INSTRUCTIONS,
        TOOL_DEFINITIONS,
        TOOL_CALL_ARGUMENTS,
        TOOL_CALL_RESULT,
        RETRIEVAL_QUERY,
        RETRIEVAL_DOCUMENTS,
        EXCEPTION_MESSAGE,
        EXCEPTION_STACKTRACE,
    }
)
"""Attributes that hold content: absent unless content is switched on."""
