"""All settings, read from the environment.  This file alone is production."""

from pathlib import Path

from django.utils.translation import gettext_lazy as _

from apps.core.logs import logging_config
from sdconsole.env import database, env_bool, env_int, env_list, env_secret, env_str

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VERSION = "0.1.0"

# ---- security -----------------------------------------------------------------------------
SECRET_KEY = env_secret("SECRET_KEY")
# Fernet keys for secrets in the database: the first encrypts, all decrypt (rotation).
SDCONSOLE_ENCRYPTION_KEYS = env_secret("SDCONSOLE_ENCRYPTION_KEYS").split(",")
DEBUG = False
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
# How many proxies of ours stand in front: only they are believed about the client's address.
TRUSTED_PROXY_COUNT = env_int("TRUSTED_PROXY_COUNT", 0)
SECURE_SSL_REDIRECT = env_bool("SECURE_SSL_REDIRECT", True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env_int("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# Browsers upload to and read pictures from COS directly; nothing else leaves this origin.
COS_ORIGINS = env_list("SDCONSOLE_COS_ORIGINS", "https://*.myqcloud.com")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:", *COS_ORIGINS],
        "connect-src": ["'self'", *COS_ORIGINS],
        "worker-src": ["'self'", "blob:"],
        "font-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# ---- apps, top of the house first -----------------------------------------------------------
INSTALLED_APPS = [
    "apps.console",
    "apps.moderation",
    "apps.generation",
    "apps.gateway",
    "apps.deployments",
    "apps.registry",
    "apps.gpu",
    "apps.environments",
    "apps.audit",
    "apps.accounts",
    "apps.core",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "sdconsole.staticfiles.ServedFiles",
    "django.contrib.postgres",
    "django.forms",  # its templates, some of which templates/django/forms replaces
    "django_rq",
    "django_htmx",
    "django_structlog",
    "template_partials.apps.SimpleAppConfig",
    "ninja",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "apps.core.middleware.RequestMarks",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.middleware.Preferences",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "sdconsole.urls"
WSGI_APPLICATION = "sdconsole.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "template_partials.templatetags.partials",
                "django.templatetags.i18n",
                "django.templatetags.static",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "apps.core.context.shell",
            ],
        },
    }
]

# ---- data: Postgres is the truth, Redis is the doorbell ---------------------------------------
DATABASES = {"default": database(env_secret("DATABASE_URL"))}
REDIS_URL = env_secret("REDIS_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# One queue per patience: seconds, minutes, blocking calls to web UIs.  Timeouts stay below LEASE_S.
QUEUES = ("reconcile", "bulk", "generate")
RQ_QUEUES = {
    name: {"URL": REDIS_URL, "SERIALIZER": "json", "DEFAULT_TIMEOUT": timeout_s}
    for name, timeout_s in (("reconcile", 90), ("bulk", 3600), ("generate", 900))
}
RQ = {"WORKER_CLASS": "apps.core.workers.ConsoleWorker"}
RQ_SHOW_ADMIN_LINK = False

# Periodic work: name, every so many seconds, function, queue.
SCHEDULE: list[tuple[str, float, str, str]] = [
    ("environments-refresh", 15, "apps.environments.tasks.refresh_due", "bulk"),
    ("orphans", 300, "apps.console.tasks.look_for_orphans", "bulk"),
    ("uploads-sweep", 600, "apps.registry.tasks.sweep", "bulk"),
    ("moderation-submit", 2, "apps.moderation.tasks.submit_pending", "reconcile"),
    ("moderation-collect", 30, "apps.moderation.tasks.collect_overdue", "reconcile"),
]

# ---- languages and time -----------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "sdconsole/locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = env_str("TIME_ZONE", "Asia/Shanghai")

# ---- static files: ours, built at set-up, and npm packages served from where they were installed
STATIC_URL = "/static/"
STATIC_ROOT = env_str("STATIC_ROOT", str(BASE_DIR / "build/collected"))
_NODE = BASE_DIR / "node_modules"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    BASE_DIR / "build/static",
    ("vendor/htmx", _NODE / "htmx.org/dist"),
    ("vendor/tabler", _NODE / "@tabler/core/dist/css"),
    ("vendor/uplot", _NODE / "uplot/dist"),
    ("vendor/inter", _NODE / "@fontsource-variable/inter"),
    ("vendor/jetbrains-mono", _NODE / "@fontsource-variable/jetbrains-mono"),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "sdconsole.staticfiles.HashedFiles"},
}
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440  # 2.5 MiB: files go to COS directly, never through here

# ---- the console itself -------------------------------------------------------------------------
# Where the cloud reaches us for callbacks, and where the console's own state files lie.
SDCONSOLE_PUBLIC_URL = env_str("SDCONSOLE_PUBLIC_URL", "http://127.0.0.1:8000")
SDCONSOLE_HOME = Path(env_str("SDCONSOLE_HOME", str(BASE_DIR / ".sdconsole")))
LEASE_S = env_int("SDCONSOLE_LEASE_S", 20)

# ---- logs: one JSON object a line, with the request id -------------------------------------------
# RequestMarks already replaced ids that are none, and found the address behind our proxies.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
LOGGING = logging_config(env_str("LOG_LEVEL", "INFO"), env_str("LOG_FORMAT", "json"))
