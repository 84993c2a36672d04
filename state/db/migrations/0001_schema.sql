-- The schema of RecNet. LangGraph's checkpoint tables stand beside it and make themselves.
--
-- One database holds many networks. Every table but the last two is keyed by its network, and a
-- network that is dropped takes its rows with it.

-- One world of clients and routers.
CREATE TABLE networks (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    dataset text NOT NULL,
    domain text NOT NULL,
    settings jsonb,  -- null until the network is bootstrapped, then never changed
    tau_user real,   -- the thresholds of Eq. 4 for users and for items, set by the bootstrap
    tau_item real,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Users and items. The versions point at the current texts in module_versions, so that no text is
-- stored twice. A pinned module keeps its text until a person unpins it.
CREATE TABLE clients (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('user', 'item')),
    key text NOT NULL,
    title text NOT NULL,
    category text NOT NULL,
    profile_version integer NOT NULL DEFAULT 0,
    filter_version integer NOT NULL DEFAULT 0,
    profile_pinned boolean NOT NULL DEFAULT false,
    filter_pinned boolean NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, id),
    UNIQUE (network_id, kind, key)
);

-- The embedding of a client's profile and its attributes (A_c). A narrow table, because Eq. 4 scans
-- it: a vector that is stored outside of its row (the default) costs twelve times as much.
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

-- The buffer of a client (B_c).
CREATE TABLE buffers (
    network_id integer NOT NULL,
    client_id integer NOT NULL,
    messages integer[] NOT NULL,  -- ids, newest first, at most as many as buffer_size
    PRIMARY KEY (network_id, client_id),
    FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE
);

-- The events of the data set that a network was loaded from, in the order in which they are fed.
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
    owner integer NOT NULL,          -- the id of the client or the router
    version integer NOT NULL,
    content text NOT NULL,
    author text NOT NULL,            -- 'bootstrap', 'gradient', 'edit', …
    interaction_id text,             -- the interaction or the router update that made it
    window_id integer,
    note text NOT NULL DEFAULT '',   -- what the person said who made it by hand
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (network_id, module, owner, version)
);
CREATE INDEX ON module_versions (network_id, interaction_id) WHERE interaction_id IS NOT NULL;

-- The vocabulary: equal attributes share one id in a network.
CREATE TABLE attributes (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id integer NOT NULL,
    phrase text NOT NULL,
    embedding vector NOT NULL,
    PRIMARY KEY (network_id, id),
    UNIQUE (network_id, phrase)
);
ALTER TABLE attributes ALTER embedding SET STORAGE PLAIN;

CREATE TABLE routers (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id integer NOT NULL,
    version integer NOT NULL,
    attributes integer[] NOT NULL,          -- A_R, newest first, bounded
    heirs integer[] NOT NULL DEFAULT '{}',  -- empty while the router is active
    pinned boolean NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, id)
);

CREATE TABLE router_vectors (
    network_id integer NOT NULL,
    router_id integer NOT NULL,
    embedding vector NOT NULL,
    PRIMARY KEY (network_id, router_id),
    FOREIGN KEY (network_id, router_id) REFERENCES routers ON DELETE CASCADE
);
ALTER TABLE router_vectors ALTER embedding SET STORAGE PLAIN;

-- What was sent. The sender is one version of a router, or of the profile of a client that speaks
-- for itself (propagation without routers).
CREATE TABLE messages (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id integer NOT NULL,
    module text NOT NULL CHECK (module IN ('user_profile', 'item_profile', 'router')),
    owner integer NOT NULL,
    version integer NOT NULL,
    body text,                     -- where a model wrote one; null: the text of the version
    attributes integer[] NOT NULL, -- those assigned to the router at this update: A_R of Eq. 4
    window_id integer NOT NULL,    -- the router update that sent it
    PRIMARY KEY (network_id, id)
);
CREATE INDEX ON messages (network_id, window_id);

-- The pending set (S_update): distinct clients that changed since the last window was claimed.
CREATE TABLE pending_clients (
    network_id integer NOT NULL,
    client_id integer NOT NULL,
    PRIMARY KEY (network_id, client_id),
    FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE
);

-- The records of the window that a training run is at. Their commits claim the pending set only when
-- all of them are settled, so that records that run concurrently end in the same windows as records
-- that run one by one.
CREATE TABLE planned_records (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    position integer NOT NULL,  -- in the order of the stream
    interaction_id text NOT NULL,
    settled boolean NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, position)
);

-- A claimed pending set and its router update; a network has at most one that is not done.
CREATE TABLE windows (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id integer NOT NULL,
    members integer[] NOT NULL,            -- the clients of the pending set
    claimed_by text NOT NULL DEFAULT '',   -- the interaction whose commit filled the set
    claimed_at timestamptz NOT NULL DEFAULT now(),
    thread_id text NOT NULL DEFAULT '',    -- the run that works, or worked, on the update
    done boolean NOT NULL DEFAULT false,
    recipients integer NOT NULL DEFAULT 0, -- how many clients were sent a message
    PRIMARY KEY (network_id, id)
);
CREATE UNIQUE INDEX one_open_window ON windows (network_id) WHERE NOT done;

CREATE TABLE interactions (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id text NOT NULL,
    user_id integer NOT NULL,
    positive_id integer NOT NULL,
    negative_id integer NOT NULL,
    predicted_id integer,
    reward smallint CHECK (reward IN (0, 1)),
    reason text NOT NULL DEFAULT '',   -- why the model predicted so
    failure text NOT NULL DEFAULT '',  -- why the record failed; empty for one that was learned from
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (network_id, id)
);

-- What reception made of each message; a message is consumed once. One that was merged on delivery
-- belongs to no interaction until the client's next one attaches it.
CREATE TABLE filter_decisions (
    network_id integer NOT NULL,
    client_id integer NOT NULL,
    message_id integer NOT NULL,
    interaction_id text,
    window_id integer,    -- the router update that delivered and merged the message
    accepted boolean NOT NULL,
    rule text NOT NULL,   -- the rule that kept it out
    reason text NOT NULL,
    PRIMARY KEY (network_id, client_id, message_id),
    FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE,
    FOREIGN KEY (network_id, interaction_id) REFERENCES interactions ON DELETE CASCADE
);
CREATE INDEX ON filter_decisions (network_id, interaction_id);
CREATE INDEX ON filter_decisions (network_id, client_id) WHERE interaction_id IS NULL;

-- Textual gradients. Those of routers wait as 'pending' for the next router update.
CREATE TABLE gradients (
    network_id integer NOT NULL,
    interaction_id text NOT NULL,
    module text NOT NULL
        CHECK (module IN ('user_profile', 'item_profile', 'filter_memory', 'router')),
    owner integer NOT NULL,
    version integer NOT NULL,               -- the version that took part
    reward smallint NOT NULL,
    suggestion text NOT NULL,
    status text NOT NULL CHECK (status IN ('not involved', 'pending', 'applied', 'rejected')),
    rejected_because text NOT NULL DEFAULT '',
    applied_to integer,                     -- the owner that changed: an heir of a retired router
    applied_version integer,                -- the version it made
    PRIMARY KEY (network_id, interaction_id, module, owner),
    FOREIGN KEY (network_id, interaction_id) REFERENCES interactions ON DELETE CASCADE
);
CREATE INDEX ON gradients (network_id, owner) WHERE status = 'pending';

-- Buffers that were merged to rank or recommend: a cache, no part of the network. A view holds for
-- the model, its parameters and the template that made it.
CREATE TABLE merged_views (
    network_id integer NOT NULL,
    client_id integer NOT NULL,
    profile_version integer NOT NULL,
    filter_version integer NOT NULL,
    messages integer[] NOT NULL,
    made_by text NOT NULL,
    reception jsonb NOT NULL,
    PRIMARY KEY (network_id, client_id, profile_version, filter_version, messages, made_by),
    FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE
);

-- Processes that made calls.
CREATE TABLE runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);

-- One row a call, append-only and outside every other transaction: calls made are calls paid.
CREATE TABLE usage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    run_id bigint REFERENCES runs ON DELETE SET NULL,
    step text NOT NULL,  -- an interaction's id, 'window 3', 'bootstrap', 'recommend'
    prompt text NOT NULL,
    model text NOT NULL,
    attempts integer NOT NULL,
    cached boolean NOT NULL DEFAULT false,
    input_tokens integer NOT NULL,
    output_tokens integer NOT NULL,
    cost double precision,  -- null where no price was set
    seconds real NOT NULL,
    outcome text NOT NULL,
    faults jsonb NOT NULL DEFAULT '{}',
    thoughts text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON usage (network_id, step);
CREATE INDEX ON usage (run_id);

-- The cache of validated replies, shared by all networks. The columns are those that
-- langchain_community's SQLAlchemyMd5Cache queries.
CREATE TABLE replies (
    id text PRIMARY KEY,
    prompt_md5 text NOT NULL,
    prompt text NOT NULL,
    llm text NOT NULL,
    idx integer NOT NULL,
    response text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON replies (prompt_md5);
