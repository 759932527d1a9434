-- What happened in one service, to be looked up by the wish that it goes back to. What was replayed from a recorded
-- history is left out: nobody asks for its steps, and it is most of what a bank under test holds.
CREATE TABLE events (
    correlation_id uuid NOT NULL,
    partition      integer NOT NULL,
    event_offset   bigint NOT NULL,
    -- The record of the service's inbox that the event answers, in the same partition.
    command_offset bigint NOT NULL,
    command_id     uuid NOT NULL,
    event_index    integer NOT NULL,
    type           text NOT NULL,
    -- Milliseconds since the epoch: when the log got the record that the event answers.
    recorded_ms    bigint NOT NULL,
    -- The event's data as it stands in the topic: personal data in it is ciphertext.
    data           json NOT NULL,
    PRIMARY KEY (partition, event_offset)
);
CREATE INDEX events_of_wish ON events (correlation_id);
