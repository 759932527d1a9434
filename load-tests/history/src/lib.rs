//! Bank histories: the Berka reader, a seeded generator, the replayable format
