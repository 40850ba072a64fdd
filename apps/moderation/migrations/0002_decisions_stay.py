"""Decisions are append-only: the database itself refuses to change or delete one."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION moderation_decision_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Decisions are append-only: % refused.', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER moderation_decision_refuse BEFORE UPDATE OR DELETE ON moderation_decision
    FOR EACH ROW EXECUTE FUNCTION moderation_decision_refuse();
"""

BACKWARD = """
DROP TRIGGER moderation_decision_refuse ON moderation_decision;
DROP FUNCTION moderation_decision_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("moderation", "0001_first")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
