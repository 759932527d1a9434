//! The bank command: services, local stack, replay, tests
fn main() {}
