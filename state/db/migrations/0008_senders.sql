-- A message comes from one version of a module: of a router, or of a client that spoke for itself.
ALTER TABLE messages RENAME router_id TO owner;
ALTER TABLE messages RENAME router_version TO version;
ALTER TABLE messages ADD module text NOT NULL DEFAULT 'router'
    CHECK (module IN ('user_profile', 'item_profile', 'router'));
ALTER TABLE messages ALTER module DROP DEFAULT;
ALTER TABLE messages ADD body text;  -- where a model wrote one; null: the text of that version

-- What was merged when it was delivered belongs to no interaction until the client's next one takes
-- it up; window_id is the router update that delivered it.
ALTER TABLE filter_decisions DROP CONSTRAINT filter_decisions_pkey;
ALTER TABLE filter_decisions DROP CONSTRAINT filter_decisions_network_id_client_id_message_id_key;
ALTER TABLE filter_decisions ADD PRIMARY KEY (network_id, client_id, message_id);  -- consumed once
ALTER TABLE filter_decisions ALTER interaction_id DROP NOT NULL;
ALTER TABLE filter_decisions ADD window_id integer;
ALTER TABLE filter_decisions ADD FOREIGN KEY (network_id, client_id) REFERENCES clients ON DELETE CASCADE;
CREATE INDEX ON filter_decisions (network_id, interaction_id);
CREATE INDEX ON filter_decisions (network_id, client_id) WHERE interaction_id IS NULL;

-- Views and states of runs under way name routers as their senders: they are made again.
DELETE FROM views;
DO $$
BEGIN
    IF to_regclass('checkpoints') IS NOT NULL THEN
        DELETE FROM checkpoints WHERE thread_id LIKE 'recnet/%' AND thread_id NOT LIKE '%/bootstrap';
        DELETE FROM checkpoint_blobs
            WHERE thread_id LIKE 'recnet/%' AND thread_id NOT LIKE '%/bootstrap';
        DELETE FROM checkpoint_writes
            WHERE thread_id LIKE 'recnet/%' AND thread_id NOT LIKE '%/bootstrap';
    END IF;
END $$;
