-- The key store: a system of record, not a cache. Nothing can rebuild it; docs/personal-data.md says how it is backed up.

-- One row a data subject, for ever.
CREATE TABLE subject_keys (
    -- A customer; for somebody who is none, the payment.
    subject    uuid PRIMARY KEY,
    -- Which master key wraps the subject's key.
    master     text,
    -- The subject's key, wrapped. None once it is erased: the row stays, so that the subject never gets another one.
    wrapped    bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    erased_at  timestamptz,
    CHECK ((wrapped IS NULL) = (master IS NULL)),
    CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL))
);
CREATE INDEX subject_keys_by_master ON subject_keys (master, subject) WHERE master IS NOT NULL;

-- What is erased stays erased, whatever a program or a person tries.
CREATE FUNCTION erased_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of the key store is never deleted, and never changed once its key is erased';
END
$$;
CREATE TRIGGER never_deleted BEFORE DELETE ON subject_keys
    FOR EACH ROW EXECUTE FUNCTION erased_for_ever();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON subject_keys
    FOR EACH STATEMENT EXECUTE FUNCTION erased_for_ever();
CREATE TRIGGER never_undone BEFORE UPDATE ON subject_keys
    FOR EACH ROW WHEN (OLD.erased_at IS NOT NULL) EXECUTE FUNCTION erased_for_ever();
