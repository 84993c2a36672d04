-- The interaction whose commit filled the pending set; one may do so twice, when it failed and when
-- it was run again, so the claim stands with the window.
ALTER TABLE windows ADD claimed_by text NOT NULL DEFAULT '';
ALTER TABLE windows ADD claimed_at timestamptz NOT NULL DEFAULT now();
UPDATE windows w SET claimed_by = i.id FROM interactions i
WHERE i.network_id = w.network_id AND i.window_id = w.id;
ALTER TABLE interactions DROP window_id;

-- Which process is at the router update of an open window, and in which run (a thread id); null
-- where nobody is. The number is that process's sign of life (an advisory lock).
ALTER TABLE windows ADD holder bigint;
ALTER TABLE windows ADD runner text NOT NULL DEFAULT '';
