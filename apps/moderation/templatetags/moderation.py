"""Marks of moderation's pages: `{% load moderation %}`."""

from django import template
from django.utils.safestring import SafeString

from apps.core.templatetags.console import badge
from apps.moderation import rules, words
from apps.moderation.models import Case, CaseState

register = template.Library()

# state -> colour role, icon
MARKS = {
    CaseState.PENDING: ("run", "clock"),
    CaseState.FLAGGED: ("warn", "alert-triangle"),
    CaseState.CLEAN: ("ok", "circle-check"),
    CaseState.FROZEN: ("bad", "lock"),
    CaseState.APPROVED: ("ok", "check"),
}


@register.simple_tag
def case_state(case: Case, plain: bool = False) -> SafeString:
    """How the case stands; a severe one that waits is red."""
    state, name = MARKS[CaseState(case.state)]
    if case.state == CaseState.FLAGGED and case.severity == rules.SEVERE:
        state = "bad"
    return badge(state, CaseState(case.state).label, name, plain)


@register.simple_tag
def policy_label(label: str) -> str:
    return words.label_words(label)


@register.simple_tag
def scene_label(name: str) -> str:
    return words.scene_words(name)
