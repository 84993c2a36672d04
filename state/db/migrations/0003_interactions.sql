CREATE TABLE interactions (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id text NOT NULL,
    user_id integer NOT NULL,
    positive_id integer NOT NULL,
    negative_id integer NOT NULL,
    predicted_id integer,
    reward smallint CHECK (reward IN (0, 1)),
    reason text NOT NULL DEFAULT '',
    failure text NOT NULL DEFAULT '',  -- why it failed; empty for one that was learned from
    window_id integer,                 -- the window its commit claimed
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (network_id, id)
);

-- What each reception made of each message.
CREATE TABLE filter_decisions (
    network_id integer NOT NULL,
    interaction_id text NOT NULL,
    client_id integer NOT NULL,
    message_id integer NOT NULL,
    taken boolean NOT NULL,
    rule text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (network_id, interaction_id, client_id, message_id),
    UNIQUE (network_id, client_id, message_id),  -- a message is consumed once
    FOREIGN KEY (network_id, interaction_id) REFERENCES interactions ON DELETE CASCADE
);

CREATE TABLE gradients (
    network_id integer NOT NULL,
    interaction_id text NOT NULL,
    module text NOT NULL
        CHECK (module IN ('user_profile', 'item_profile', 'filter_memory', 'router')),
    owner integer NOT NULL,
    version integer NOT NULL,  -- the version that took part
    reward smallint NOT NULL,
    suggestion text NOT NULL,
    status text NOT NULL CHECK (status IN ('not involved', 'pending', 'applied', 'rejected')),
    why text NOT NULL DEFAULT '',  -- why it was rejected
    applied_to integer,            -- the owner that changed: an heir where the router retired
    applied_version integer,
    PRIMARY KEY (network_id, interaction_id, module, owner),
    FOREIGN KEY (network_id, interaction_id) REFERENCES interactions ON DELETE CASCADE
);
CREATE INDEX ON gradients (network_id, owner) WHERE status = 'pending';

-- Merged views that ranking made (DESIGN §5, decision 3); a cache, no part of the network.
CREATE TABLE views (
    network_id integer NOT NULL,
    client_id integer NOT NULL,
    profile_version integer NOT NULL,
    filter_version integer NOT NULL,
    messages integer[] NOT NULL,
    reception jsonb NOT NULL,
    PRIMARY KEY (network_id, client_id, profile_version, filter_version, messages),
    FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE
);

-- Calls made are calls paid: append-only, written outside every other transaction.
CREATE TABLE usage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    step text NOT NULL,  -- an interaction's id, 'window 3', 'bootstrap', 'recommend'
    prompt text NOT NULL,
    model text NOT NULL,
    attempts integer NOT NULL,
    input_tokens integer NOT NULL,
    output_tokens integer NOT NULL,
    seconds real NOT NULL,
    outcome text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON usage (network_id, step);
