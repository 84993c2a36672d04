-- One vocabulary of attributes a network: equal attributes share an id (DESIGN §5, decision 5).
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
    attributes integer[] NOT NULL,        -- A_R, newest first, bounded
    heirs integer[] NOT NULL DEFAULT '{}', -- empty while the router is active
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

-- A message's text is its router's version, kept in module_versions.
CREATE TABLE messages (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id integer NOT NULL,
    router_id integer NOT NULL,
    router_version integer NOT NULL,
    window_id integer NOT NULL,
    taken integer[] NOT NULL,  -- what the router took in at that update: the A_R of Eq. 4
    PRIMARY KEY (network_id, id)
);
CREATE INDEX ON messages (network_id, window_id);

-- Distinct clients changed since the last claim (S_update).
CREATE TABLE pending (
    network_id integer NOT NULL,
    client_id integer NOT NULL,
    PRIMARY KEY (network_id, client_id),
    FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE
);

-- A claimed pending set and the router update it is for; at most one is open in a network.
CREATE TABLE windows (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    id integer NOT NULL,
    members integer[] NOT NULL,
    done boolean NOT NULL DEFAULT false,
    recipients integer NOT NULL DEFAULT 0,
    PRIMARY KEY (network_id, id)
);
CREATE UNIQUE INDEX one_open_window ON windows (network_id) WHERE NOT done;
