//! The published language: topics, commands, events, codec and schemas
