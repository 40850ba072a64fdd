"""The database itself keeps the record: rows cannot be changed, and each is sealed at commit.

Sealing at commit, not at insert, keeps the one lock that orders the chain to the last moment of a
transaction: services may record early without making others wait, or waiting in a circle.
"""

from django.db import migrations

FORWARD = """
-- What the hash covers: everything, in a fixed spelling that no session setting can change.
CREATE FUNCTION audit_event_text(e audit_event) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
        e.position, e.previous_hash, e.id,
        to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        e.actor_id, e.actor_name, e.verb, e.subject_kind, e.subject_id, e.label,
        e.before, e.after, e.reason, e.request_id, host(e.ip)
    )::text
$$;

CREATE FUNCTION audit_event_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.position := NULL;
    NEW.previous_hash := '';
    NEW.hash := '';
    RETURN NEW;
END $$;

CREATE FUNCTION audit_event_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last audit_event;
    fresh audit_event;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit_event'));
    SELECT * INTO last FROM audit_event
        WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1;
    SELECT * INTO fresh FROM audit_event WHERE id = NEW.id AND position IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    fresh.position := coalesce(last.position, 0) + 1;
    fresh.previous_hash := coalesce(last.hash, '');
    UPDATE audit_event SET
        position = fresh.position,
        previous_hash = fresh.previous_hash,
        hash = encode(sha256(convert_to(audit_event_text(fresh), 'UTF8')), 'hex')
        WHERE id = fresh.id;
    RETURN NULL;
END $$;

CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1 AND OLD.position IS NULL
        AND to_jsonb(NEW) - '{position,previous_hash,hash}'::text[]
          = to_jsonb(OLD) - '{position,previous_hash,hash}'::text[] THEN
        RETURN NEW;  -- the seal
    END IF;
    IF TG_OP = 'TRUNCATE' AND current_setting('sdc.test', true) = 'on' THEN
        RETURN NULL;  -- test runs empty every table between tests
    END IF;
    RAISE EXCEPTION 'The audit record is append-only: % refused.', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_event_open BEFORE INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_open();
CREATE CONSTRAINT TRIGGER audit_event_seal AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_event_seal();
CREATE TRIGGER audit_event_refuse BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse();
CREATE TRIGGER audit_event_refuse_truncate BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse();
"""

BACKWARD = """
DROP TRIGGER audit_event_refuse_truncate ON audit_event;
DROP TRIGGER audit_event_refuse ON audit_event;
DROP TRIGGER audit_event_seal ON audit_event;
DROP TRIGGER audit_event_open ON audit_event;
DROP FUNCTION audit_event_refuse();
DROP FUNCTION audit_event_seal();
DROP FUNCTION audit_event_open();
DROP FUNCTION audit_event_text(audit_event);
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
