"""Log records are encoded to what the official encoder makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource

from agentotel.distro.otlp.logs import encode
from agentotel.distro.otlp.requests import requests
from otlp_generated import log_records


def decoded(batch):
    """Return what a receiver reads of a batch."""
    message = ExportLogsServiceRequest()
    for request in requests(map(encode, batch)):
        message.MergeFromString(request.body)
    return message


def without_empty_values(message):
    """Say "no value" in one way: SDK 1.40 leaves the field out, later ones set it to an empty value."""
    for of_resource in message.resource_logs:
        for of_scope in of_resource.scope_logs:
            for record in of_scope.log_records:
                _clear_empty(record, "body")
                for attribute in record.attributes:
                    _clear_empty(attribute, "value")
    return message


def _clear_empty(owner, field):
    value = getattr(owner, field)
    if value.WhichOneof("value") is None:
        owner.ClearField(field)
    else:
        _clear_empty_within(value)


def _clear_empty_within(value):
    if value.HasField("kvlist_value"):
        for pair in value.kvlist_value.values:
            _clear_empty(pair, "value")
    if value.HasField("array_value"):
        for item in value.array_value.values:
            _clear_empty_within(item)


@given(st.lists(log_records(), max_size=4))
def test_generated_records_are_encoded_as_the_official_encoder_does(batch):
    """Whatever a record holds, nested values included, a receiver reads the same message."""
    assert without_empty_values(decoded(batch)) == without_empty_values(encode_logs(batch))


def test_a_body_that_otlp_has_no_form_for_is_an_error():
    """The exporter leaves such a record out and keeps the others."""
    record = ReadableLogRecord(LogRecord(body=object()), Resource({}))
    with pytest.raises(TypeError, match="OTLP has no form for object"):
        encode(record)
