from django.db import migrations

# A copy on purpose: a migration must not change when the code does.
ROLES = [
    "viewer",
    "operator",
    "approver",
    "reviewer",
    "lead-reviewer",
    "model-manager",
    "administrator",
]


def make(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.get_or_create(name=name)


def remove(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(make, remove)]
