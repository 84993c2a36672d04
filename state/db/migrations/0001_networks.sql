-- A network is one world of clients and routers; every other table is keyed by it.
CREATE TABLE networks (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    dataset text NOT NULL,
    domain text NOT NULL,
    settings jsonb,  -- what shapes the network; null until it is bootstrapped
    tau_user real,   -- thresholds of Eq. 4 by kind of client, frozen at bootstrap
    tau_item real,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The version columns point at the current texts in module_versions: no text is held twice.
CREATE TABLE clients (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('user', 'item')),
    key text NOT NULL,
    title text NOT NULL,
    category text NOT NULL,
    profile_version integer NOT NULL DEFAULT 0,
    filter_version integer NOT NULL DEFAULT 0,
    PRIMARY KEY (network_id, id),
    UNIQUE (network_id, kind, key)
);

-- Narrow on purpose: Eq. 4 scans this table, and a vector pushed out by a long text costs 12 x.
CREATE TABLE client_vectors (
    network_id integer NOT NULL,
    client_id integer NOT NULL,
    kind text NOT NULL,
    attributes integer[] NOT NULL DEFAULT '{}',
    embedding vector NOT NULL,
    PRIMARY KEY (network_id, client_id),
    FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE
);
ALTER TABLE client_vectors ALTER embedding SET STORAGE PLAIN;

CREATE TABLE buffers (
    network_id integer NOT NULL,
    client_id integer NOT NULL,
    messages integer[] NOT NULL,  -- ids, newest first, at most the buffer's capacity
    PRIMARY KEY (network_id, client_id),
    FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE
);

-- The events of the data set a network was loaded from, in the order in which they are fed.
CREATE TABLE events (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    position integer NOT NULL,
    user_id integer NOT NULL,
    item_id integer NOT NULL,
    split text NOT NULL CHECK (split IN ('first', 'train', 'valid', 'test')),
    PRIMARY KEY (network_id, position)
);

-- Every version of every module, append-only, with what made it.
CREATE TABLE module_versions (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    module text NOT NULL
        CHECK (module IN ('user_profile', 'item_profile', 'filter_memory', 'router')),
    owner integer NOT NULL,
    version integer NOT NULL,
    content text NOT NULL,
    author text NOT NULL,
    interaction_id text,
    window_id integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (network_id, module, owner, version)
);
CREATE INDEX ON module_versions (network_id, interaction_id) WHERE interaction_id IS NOT NULL;
