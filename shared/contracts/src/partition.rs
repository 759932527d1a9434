//! Which partition a key belongs to. Producers set it explicitly, so that every client of every language agrees.

/// Seed of Kafka's own default partitioner.
const KAFKA_SEED: u32 = 0x9747_b28c;

/// Prefix of the key of a command that addresses a partition itself, such as the closing of a day.
const PARTITION_KEY: &str = "partition/";

/// The key of a command to partition `partition` as a whole.
pub fn key_of_partition(partition: i32) -> String {
    format!("{PARTITION_KEY}{partition}")
}

/// The partition of `partitions` that records of this key belong to: Kafka's murmur2, or the one that the key names.
///
/// A key that names a partition which doesn't exist belongs nowhere: `None`.
pub fn partition_of(key: &[u8], partitions: i32) -> Option<i32> {
    match key.strip_prefix(PARTITION_KEY.as_bytes()) {
        Some(number) => std::str::from_utf8(number)
            .ok()
            .and_then(|number| number.parse().ok())
            .filter(|partition| (0..partitions).contains(partition)),
        None => Some((murmur2::murmur2(key, KAFKA_SEED) & 0x7fff_ffff) as i32 % partitions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors from Apache Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn the_hash_is_that_of_the_java_client() {
        for (key, hash) in [
            ("21", -973932308_i32),
            ("foobar", -790332482),
            ("a-little-bit-long-string", -985981536),
            ("a-little-bit-longer-string", -1486304829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
            ("abc", 479470107),
        ] {
            assert_eq!(murmur2::murmur2(key.as_bytes(), KAFKA_SEED) as i32, hash, "{key}");
        }
    }

    #[test]
    fn a_key_that_names_a_partition_belongs_there_or_nowhere() {
        assert_eq!(partition_of(key_of_partition(1).as_bytes(), 2), Some(1));
        assert_eq!(partition_of(key_of_partition(2).as_bytes(), 2), None);
        assert_eq!(partition_of(b"partition/-1", 2), None);
        assert_eq!(partition_of(b"partition/x", 2), None);
    }
}
