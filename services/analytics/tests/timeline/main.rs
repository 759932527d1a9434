//! What followed from a wish, in a real PostgreSQL.

#[cfg(test)]
mod timeline;
