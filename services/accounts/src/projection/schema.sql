-- The ledger's read models. Amounts are minor units of the currency. Credits are positive: a customer's account is a
-- liability of the bank. Every row says which partition and offset of accounts.events it comes from; `entries` and
-- `refusals` also say which offset of that partition of accounts.inbox caused it.

-- One row an account: terms, state and balances, as of the account's last event.
CREATE TABLE accounts (
    account_id      uuid PRIMARY KEY,
    owner           uuid NOT NULL,
    product         text NOT NULL,
    currency        text NOT NULL,
    status          text NOT NULL CHECK (status IN ('open', 'closed')),
    block           text CHECK (block IN ('debits', 'all')),
    overdraft_limit bigint NOT NULL,
    opened_on       date NOT NULL,
    closed_on       date,
    posted          bigint NOT NULL,
    pending_out     bigint NOT NULL CHECK (pending_out >= 0),
    pending_in      bigint NOT NULL CHECK (pending_in >= 0),
    -- Number of the account's last event.
    seq             bigint NOT NULL,
    partition       integer NOT NULL,
    first_offset    bigint NOT NULL,
    last_offset     bigint NOT NULL
) WITH (fillfactor = 75); -- room for the next version of a row on its page: it is updated over and over

-- One row a journal entry. What moves the customer's account is `movement`; the other legs are of the general ledger,
-- in the partition's part of it.
CREATE TABLE entries (
    partition        integer NOT NULL,
    event_offset     bigint NOT NULL,
    command_offset   bigint NOT NULL,
    command_id       uuid NOT NULL,
    event_index      integer NOT NULL,
    account_id       uuid NOT NULL,
    seq              bigint NOT NULL,
    kind             text NOT NULL,
    currency         text NOT NULL,
    movement         bigint NOT NULL,
    balance_after    bigint NOT NULL,
    gl_accounts      text[] NOT NULL,
    gl_movements     bigint[] NOT NULL,
    booking_date     date NOT NULL,
    value_date       date NOT NULL,
    -- Milliseconds since the epoch: when the log got the command.
    recorded_ms      bigint NOT NULL,
    forced           boolean NOT NULL,
    payment_id       uuid,
    counterparty     uuid,
    hold_id          uuid,
    -- Id of the entry that this one takes back.
    reverses         text,
    import_source    text,
    import_sequence  numeric,
    purpose          text,
    counterparty_bank text,
    country          text,
    country_source   text,
    reference        text,
    PRIMARY KEY (partition, event_offset)
);
CREATE UNIQUE INDEX entries_of_account ON entries (account_id, seq);

CREATE TABLE holds (
    account_id   uuid NOT NULL,
    hold_id      uuid NOT NULL,
    direction    text NOT NULL CHECK (direction IN ('out', 'in')),
    state        text NOT NULL CHECK (state IN ('open', 'settled', 'released', 'expired')),
    reserved     bigint NOT NULL,
    open         bigint NOT NULL,
    -- Sums over the hold's life: reserved + adjusted = open + settled + released.
    adjusted     numeric NOT NULL,
    settled      numeric NOT NULL,
    released     numeric NOT NULL,
    expires_ms   bigint,
    partition    integer NOT NULL,
    first_offset bigint NOT NULL,
    last_offset  bigint NOT NULL,
    PRIMARY KEY (account_id, hold_id)
);

-- Each partition's part of each account of the general ledger.
CREATE TABLE gl_parts (
    gl_account  text NOT NULL,
    currency    text NOT NULL,
    partition   integer NOT NULL,
    balance     numeric NOT NULL,
    last_offset bigint NOT NULL,
    PRIMARY KEY (gl_account, currency, partition)
);

-- What had no effect on the books and why: refused commands, dead letters, transfers that went back.
CREATE TABLE refusals (
    partition      integer NOT NULL,
    event_offset   bigint NOT NULL,
    command_offset bigint NOT NULL,
    command_id     uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('refused', 'dead-lettered', 'transfer-refused')),
    code           text NOT NULL,
    command_type   text,
    detail         text,
    payment_id     uuid,
    recorded_ms    bigint NOT NULL,
    PRIMARY KEY (partition, event_offset)
);
CREATE INDEX refusals_of_command ON refusals (command_id);

CREATE VIEW balances AS
    SELECT account_id, currency, posted, pending_out, pending_in,
           posted::numeric + overdraft_limit - pending_out AS available,
           seq, partition, last_offset
    FROM accounts;

-- A customer's statement: WHERE account_id = ... ORDER BY seq.
CREATE VIEW statements AS
    SELECT account_id, seq, command_id || ':' || event_index AS entry_id, booking_date, value_date, kind,
           movement AS amount, currency, balance_after, forced, payment_id, counterparty, counterparty_bank,
           purpose, reference, reverses, import_source, import_sequence,
           to_timestamp(recorded_ms / 1000.0) AS recorded_at, partition, event_offset, command_offset
    FROM entries;

-- One row a leg. An account of the general ledger is named with its partition: 1010/p0.
CREATE VIEW journal AS
    SELECT partition, event_offset, legs.leg, command_id || ':' || event_index AS entry_id,
           legs.account, legs.gl_account,
           CASE WHEN legs.movement < 0 THEN 'debit' ELSE 'credit' END AS side,
           abs(legs.movement) AS amount, currency, booking_date, value_date, kind, account_id, seq, payment_id, forced,
           reverses, import_source, import_sequence, reference,
           to_timestamp(recorded_ms / 1000.0) AS recorded_at, command_offset
    FROM entries CROSS JOIN LATERAL (
        SELECT 1 AS leg, account_id::text AS account, NULL AS gl_account, movement WHERE movement <> 0
        UNION ALL
        SELECT (entries.movement <> 0)::int + gl.place::int, gl.account || '/p' || partition, gl.account, gl.movement
        FROM unnest(gl_accounts, gl_movements) WITH ORDINALITY AS gl (account, movement, place)
    ) AS legs;

CREATE VIEW gl_balances AS
    SELECT gl_account, currency, sum(balance) AS balance
    FROM gl_parts
    GROUP BY gl_account, currency;
