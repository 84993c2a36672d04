-- The records of the window that a training run is at. Their commits claim the pending set only when
-- all of them are settled, so that records which run at once end in the same windows as one by one.
CREATE TABLE planned (
    network_id integer NOT NULL REFERENCES networks ON DELETE CASCADE,
    place integer NOT NULL,  -- in the order of the stream
    interaction_id text NOT NULL,
    settled boolean NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, place)
);
