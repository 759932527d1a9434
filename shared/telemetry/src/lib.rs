//! Logs, OpenTelemetry metrics and trace context
