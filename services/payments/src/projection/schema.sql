-- The read model of payments and standing orders. Amounts are minor units of the currency. Every row says which partition and offsets of
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
    -- Of a scheduled payment that has not begun: the day on which it will.
    booking_date    date NOT NULL,
    -- What the debtor writes to the creditor: cipher, subject of the key and ciphertext, between them a point.
    remittance      text,
    -- Of a payment that a standing order made: the order, for which its remittance is sealed, and the occurrence, counted from
    -- one.
    order_id        uuid,
    occurrence      bigint,
    -- Of a payment that was scheduled: the business day of its beginning, and that day's cut-off, milliseconds since the
    -- epoch.
    execution_date  date,
    due_ms          bigint,
    -- The payment that this one pays back.
    refunds         uuid,
    -- 'scheduled': it waits for its day. 'pending': for the ledger or the fraud service. 'in-review': for an analyst.
    -- 'settling': the ledger moves the money. 'turning-back': what was reserved is being released. 'quarantined': for a
    -- person who looks into it. The rest are terminal.
    state           text NOT NULL CHECK (state IN ('scheduled', 'pending', 'in-review', 'settling', 'turning-back',
                                                   'quarantined', 'completed', 'rejected', 'returned', 'cancelled')),
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
    -- Record times, milliseconds since the epoch: of the wish, and of the end.
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

CREATE INDEX payments_that_wait_for_their_day ON payments (initiated_ms, payment_id) WHERE state = 'scheduled';

-- One row a standing order: its terms as they were amended last, and when it pays next.
CREATE TABLE standing_orders (
    order_id            uuid PRIMARY KEY,
    customer            uuid NOT NULL,
    debtor              uuid NOT NULL,
    creditor            uuid NOT NULL,
    amount              bigint NOT NULL CHECK (amount > 0),
    currency            text NOT NULL,
    frequency           text NOT NULL CHECK (frequency IN ('monthly', 'weekly')),
    day_of_month        integer CHECK (day_of_month BETWEEN 1 AND 31),
    start_date          date NOT NULL,
    -- At most one of them: without, it pays until it is cancelled.
    end_date            date,
    times               bigint,
    convention          text NOT NULL CHECK (convention IN ('following', 'preceding', 'modified-following')),
    -- What the debtor writes with each payment, as in payments.
    remittance          text,
    -- 'completed': it has paid for the last time.
    state               text NOT NULL CHECK (state IN ('active', 'completed', 'cancelled')),
    -- Occurrences that were executed, whatever became of their payments.
    executed            bigint NOT NULL,
    -- The day by the order's frequency, the business day on which it is paid, and that day's cut-off.
    next_date           date,
    next_execution_date date,
    next_due_ms         bigint,
    correlation_id      uuid NOT NULL,
    created_ms          bigint NOT NULL,
    ended_ms            bigint,
    partition           integer NOT NULL,
    first_offset        bigint NOT NULL,
    last_offset         bigint NOT NULL,
    CHECK ((state = 'active') = (next_due_ms IS NOT NULL))
);
CREATE INDEX standing_orders_of_debtor ON standing_orders (debtor, created_ms DESC, order_id);

-- Every occurrence of every standing order: the payment that it is stands in payments.
CREATE TABLE occurrences (
    order_id       uuid NOT NULL,
    -- Counted from one.
    number         bigint NOT NULL,
    payment_id     uuid NOT NULL,
    amount         bigint NOT NULL,
    execution_date date NOT NULL,
    recorded_ms    bigint NOT NULL,
    PRIMARY KEY (order_id, number)
);
CREATE INDEX occurrences_of_payment ON occurrences (payment_id);

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
