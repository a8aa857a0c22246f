-- One text for SQLite and PostgreSQL: 64-bit integers, text, bytes. Ids are made by the program.
-- Instants are microseconds since 1970, money is nano-units, definitions are JSON as text.

-- Who pays, and with what they call.

CREATE TABLE customers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    currency TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    status TEXT NOT NULL,
    frozen TEXT,
    caps TEXT NOT NULL,
    commitment TEXT,
    verification_declined_at BIGINT,
    simulated_fault TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE applications (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    name TEXT NOT NULL,
    caps TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX applications_by_customer ON applications (customer_id);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    application_id TEXT NOT NULL REFERENCES applications (id),
    name TEXT NOT NULL,
    mode TEXT NOT NULL,
    secret_hash BYTEA NOT NULL,
    hint TEXT NOT NULL,
    policy TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_keys_by_customer ON api_keys (customer_id);

CREATE TABLE approvals (
    application_id TEXT NOT NULL REFERENCES applications (id),
    api TEXT NOT NULL,
    status TEXT NOT NULL,
    note TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT,
    PRIMARY KEY (application_id, api)
);

-- What is sold. A row is never changed; a change is a new version.

CREATE TABLE catalogue (
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    version BIGINT NOT NULL,
    definition TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, item, version)
);

CREATE TABLE model_prices (
    model TEXT NOT NULL,
    version BIGINT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (model, version)
);

CREATE TABLE subscriptions (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    plan TEXT NOT NULL,
    plan_version BIGINT NOT NULL,
    add_ons TEXT NOT NULL,
    state TEXT NOT NULL,
    anchor_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX subscriptions_by_customer ON subscriptions (customer_id, created_at);

CREATE TABLE payment_methods (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    provider TEXT NOT NULL,
    provider_reference TEXT NOT NULL,
    brand TEXT NOT NULL,
    last4 TEXT NOT NULL,
    expires_year BIGINT,
    expires_month BIGINT,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE INDEX payment_methods_by_customer ON payment_methods (customer_id, created_at);

CREATE TABLE invoices (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    purpose TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    blocks_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX invoices_by_customer ON invoices (customer_id, created_at);

CREATE TABLE payments (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    provider TEXT NOT NULL,
    provider_reference TEXT NOT NULL,
    purpose TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    decline_code TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX payments_by_customer ON payments (customer_id, created_at);
-- A payment is booked once.
CREATE UNIQUE INDEX payments_by_reference ON payments (provider, provider_reference) WHERE provider_reference <> '';

CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    provenance TEXT NOT NULL,
    priority BIGINT NOT NULL,
    scope TEXT,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    effective_at BIGINT NOT NULL,
    expires_at BIGINT,
    voided_at BIGINT,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX grants_by_customer ON grants (customer_id);

-- What moved. Only ever appended to; each row carries the hash of itself and the row before.

CREATE TABLE transfers (
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    unit TEXT NOT NULL,
    at BIGINT NOT NULL,
    reference TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (chain, seq)
);
CREATE INDEX transfers_by_reference ON transfers (reference, at);

-- Balances of ledger accounts that belong to a customer. What everybody shares (cash, revenue) is
-- summed from transfers when asked for: no hot row, no overflow.
CREATE TABLE balances (
    account TEXT NOT NULL,
    unit TEXT NOT NULL,
    debits BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    PRIMARY KEY (account, unit)
);

-- Use of spend caps and progress in tier prices: counters that follow from settlements.
CREATE TABLE counters (
    customer_id TEXT NOT NULL,
    name TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    charged_nanos BIGINT NOT NULL,
    charged_picos BIGINT NOT NULL,
    PRIMARY KEY (customer_id, name, period_start)
);

CREATE TABLE chains (
    name TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);

-- The settlement log: every request, in groups that were committed together.

CREATE TABLE settlements (
    node TEXT NOT NULL,
    seq BIGINT NOT NULL,
    committed_at BIGINT NOT NULL,
    started_min BIGINT NOT NULL,
    started_max BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (node, seq)
);
CREATE INDEX settlements_by_time ON settlements (committed_at);

-- How far each shard of customers has been folded into transfers, balances, counters and roll-ups.
CREATE TABLE folds (
    node TEXT NOT NULL,
    shard BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (node, shard)
);

CREATE TABLE rollups (
    hour BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    route TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    currency TEXT NOT NULL,
    requests BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    loss BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    compute_ms BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_5m_tokens BIGINT NOT NULL,
    cache_write_1h_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    audio_input_tokens BIGINT NOT NULL,
    audio_output_tokens BIGINT NOT NULL,
    images BIGINT NOT NULL,
    tool_calls BIGINT NOT NULL,
    PRIMARY KEY (customer_id, hour, application_id, key_id, route, model, outcome, currency)
);
CREATE INDEX rollups_by_hour ON rollups (hour);

CREATE TABLE thresholds (
    customer_id TEXT NOT NULL,
    quota TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    stage BIGINT NOT NULL,
    crossed_at BIGINT NOT NULL,
    PRIMARY KEY (customer_id, quota, period_start, stage)
);

-- Who changed what.

CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before_value TEXT,
    after_value TEXT,
    hash TEXT NOT NULL
);
CREATE INDEX audit_by_subject ON audit (subject, seq);

CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status BIGINT NOT NULL,
    response TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, name)
);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
