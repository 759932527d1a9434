-- The payments' read model. Amounts are minor units of the currency. Every row says which partition and offsets of
-- payments.events it comes from.

-- One row a payment: its terms, and how far it is, as of its last event.
CREATE TABLE payments (
    payment_id      uuid PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('internal-transfer', 'refund')),
    customer        uuid NOT NULL,
    debtor          uuid NOT NULL,
    creditor        uuid NOT NULL,
    amount          bigint NOT NULL CHECK (amount > 0),
    currency        text NOT NULL,
    booking_date    date NOT NULL,
    -- What the debtor writes to the creditor: cipher, subject of the key and ciphertext, between them a point.
    remittance      text,
    -- The payment that this one pays back.
    refunds         uuid,
    -- 'pending': it waits for the ledger or the fraud service. 'in-review': for an analyst. 'settling': the ledger moves
    -- the money. 'turning-back': what was reserved is being released. 'quarantined': for a person who looks into it.
    -- The rest are terminal.
    state           text NOT NULL CHECK (state IN ('pending', 'in-review', 'settling', 'turning-back', 'quarantined',
                                                   'completed', 'rejected', 'returned')),
    -- Stable code of why it was rejected, returned or quarantined.
    code            text,
    returned_to     text CHECK (returned_to IN ('debtor', 'suspense')),
    fraud_decision  text CHECK (fraud_decision IN ('approve', 'review', 'decline')),
    fraud_reasons   text[],
    fraud_rules     text,
    review_decision text CHECK (review_decision IN ('approve', 'reject')),
    -- An answer came too late that contradicts what stood in for it.
    case_opened     boolean NOT NULL,
    -- What refunds have claimed of it.
    refunded        bigint NOT NULL CHECK (refunded BETWEEN 0 AND amount),
    correlation_id  uuid NOT NULL,
    -- Record times, milliseconds since the epoch.
    initiated_ms    bigint NOT NULL,
    ended_ms        bigint,
    partition       integer NOT NULL,
    first_offset    bigint NOT NULL,
    last_offset     bigint NOT NULL
) WITH (fillfactor = 70); -- room for the next version of a row on its page: it is updated some three times
CREATE INDEX payments_of_debtor ON payments (debtor, initiated_ms DESC, payment_id);
CREATE INDEX payments_of_creditor ON payments (creditor, initiated_ms DESC, payment_id);
CREATE INDEX payments_of_customer ON payments (customer, initiated_ms DESC, payment_id);
CREATE INDEX payments_that_wait_for_people ON payments (state, initiated_ms)
    WHERE state IN ('in-review', 'quarantined');

-- Commands that had no effect and why.
CREATE TABLE refusals (
    partition      integer NOT NULL,
    event_offset   bigint NOT NULL,
    command_offset bigint NOT NULL,
    command_id     uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('refused', 'dead-lettered')),
    code           text NOT NULL,
    command_type   text,
    detail         text,
    recorded_ms    bigint NOT NULL,
    PRIMARY KEY (partition, event_offset)
);
CREATE INDEX refusals_of_command ON refusals (command_id);
