-- A pinned module keeps its text until it is unpinned.
ALTER TABLE clients ADD profile_pinned boolean NOT NULL DEFAULT false;
ALTER TABLE clients ADD filter_pinned boolean NOT NULL DEFAULT false;
ALTER TABLE routers ADD pinned boolean NOT NULL DEFAULT false;

-- What a person said about a version made by hand.
ALTER TABLE module_versions ADD note text NOT NULL DEFAULT '';
