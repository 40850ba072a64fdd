"""Which files of the npm packages are served, and how they get their lasting names."""

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.storage import CompressedManifestStaticFilesStorage


class ServedFiles(StaticFilesConfig):
    """Leaves out what no page loads: Tabler's side sheets point at pictures that are not served."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "tabler-*",
        "tabler.css*",
        "tabler.rtl*",
        "django_htmx",  # htmx itself comes from npm
        "htmax*",
        "scripts",
        "skills",
        "editors",
        "*.d.ts",
        "*.scss",
        "*.md",
    ]


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names carry a hash of the content, those imported by our ES modules too."""

    support_js_module_import_aggregation = True
