"""Which flags go together, and what may not be passed by hand."""

import pytest

from apps.deployments import flags


@pytest.mark.parametrize(
    ("chosen", "clash"),
    [
        ([], None),
        (["--api", "--xformers"], None),
        (["--xformers", "--opt-sdp-attention"], ("--xformers", "--opt-sdp-attention")),
        (["--lowvram", "--api", "--medvram"], ("--lowvram", "--medvram")),
        (["--unknown"], None),
    ],
)
def test_flags_that_exclude_each_other(chosen, clash):
    assert flags.clash(chosen) == clash


def test_exclusion_holds_both_ways():
    for flag in flags.FLAGS:
        for other in flag.excludes:
            assert flag.name in flags.BY_NAME[other].excludes


@pytest.mark.parametrize(
    ("args", "refused"),
    [
        ([], None),
        (["--theme", "dark"], None),
        (["--cors-allow-origins=https://shop.example"], None),
        (["--precision", "full"], None),
        (["--port", "7861"], "--port"),
        (["--port=7861"], "--port"),
        (["--ckpt-dir=/tmp"], "--ckpt-dir"),
        (["--share"], "--share"),
        (["--shar"], "--shar"),
        (["--disable-safe"], "--disable-safe"),
        (["--gradio-auth=a:b"], "--gradio-auth"),
        (["--api-auth", "a:b"], "--api-auth"),
        (["--allow-code"], "--allow-code"),
        (["--xformers"], "--xformers"),
        (["--"], "--"),
        (["--theme", "dark; rm -rf /"], "dark; rm -rf /"),
        (["$(id)"], "$(id)"),
        (["`id`"], "`id`"),
        (["a\nb"], "a\nb"),
    ],
)
def test_extra_arguments_that_are_ours_to_set_or_would_open_the_pod(args, refused):
    assert flags.not_allowed(args) == refused


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (["HF_HOME", "_x", "A1"], None),
        (["1A"], "1A"),
        (["A B"], "A B"),
        (["变量"], "变量"),
        ([""], ""),
        (["A\n"], "A\n"),
        (["HF_HOME", "COMMANDLINE_ARGS"], "COMMANDLINE_ARGS"),
    ],
)
def test_variables_that_are_none_or_go_around_the_flags(names, refused):
    assert flags.bad_variable(names) == refused
