"""The slices of the article and the whole card, so that the first deployment has something to choose."""

from typing import Any

from django.db import migrations

FIRST = [
    ("quarter", 25, 5, "SD 1.5, one picture at a time"),
    ("half", 50, 10, "two SD 1.5 replicas on one A10"),
    ("whole", 100, 0, "SDXL and larger"),
]


def add(apps: Any, schema_editor: Any) -> None:
    profile = apps.get_model("gpu", "SliceProfile")
    for name, core, memory_gib, note in FIRST:
        profile.objects.get_or_create(
            name=name, defaults={"core": core, "memory_gib": memory_gib, "note": note}
        )


def remove(apps: Any, schema_editor: Any) -> None:
    apps.get_model("gpu", "SliceProfile").objects.filter(
        name__in=[name for name, *_rest in FIRST]
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("gpu", "0001_slices")]
    operations = [migrations.RunPython(add, remove)]
