-- Which process is at the router update of an open window, and by which run; null where the run
-- failed. The number is that process's sign of life (an advisory lock).
ALTER TABLE windows ADD holder bigint;
ALTER TABLE windows ADD runner text NOT NULL DEFAULT '';
