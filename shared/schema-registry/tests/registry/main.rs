//! Against a small server that speaks the registry's published API.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod server;
