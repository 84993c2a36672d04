-- One process that made calls: usage says for which.
CREATE TABLE runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE usage ADD run_id bigint REFERENCES runs ON DELETE SET NULL;
ALTER TABLE usage ADD cached boolean NOT NULL DEFAULT false;
ALTER TABLE usage ADD cost double precision;  -- null where no price was set
ALTER TABLE usage ADD faults jsonb NOT NULL DEFAULT '{}';
ALTER TABLE usage ADD thoughts text NOT NULL DEFAULT '';
CREATE INDEX ON usage (run_id);

-- A view holds for the model, parameters and template that made it.
DELETE FROM views;
ALTER TABLE views ADD made_by text NOT NULL;
ALTER TABLE views DROP CONSTRAINT views_pkey;
ALTER TABLE views ADD PRIMARY KEY
    (network_id, client_id, profile_version, filter_version, messages, made_by);

-- Replies that were read and checked, found by what they were asked with. The columns are those
-- that langchain_community's SQLAlchemyMd5Cache queries.
CREATE TABLE replies (
    id text PRIMARY KEY,
    prompt_md5 text NOT NULL,
    prompt text NOT NULL,
    llm text NOT NULL,
    idx integer NOT NULL,
    response text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON replies (prompt_md5);
