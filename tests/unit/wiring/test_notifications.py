"""Who is told of gates, as the environment has it."""

from __future__ import annotations

import pytest

from penstock.adapters.clock import SystemClock
from penstock.errors import InvalidInput
from penstock.settings import OperatorSettings
from penstock.wiring.notifications import channels, notice_settings

SECRET = "whsec_" + "A" * 43 + "="


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, []),
        ({"notify_webhook_url": "https://a", "notify_webhook_secret": SECRET}, ["webhook"]),
        ({"notify_chat_url": "https://a"}, ["chat"]),
        ({"notify_smtp_host": "mail", "notify_mail_from": "a@b", "notify_mail_to": ("c@d",)}, ["mail"]),
    ],
)
def test_what_is_set_up_is_used(settings: dict[str, object], names: list[str]):
    assert list(channels(OperatorSettings(**settings), SystemClock())) == names  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"notify_webhook_url": "https://a"}, "webhook-secret"),
        ({"notify_smtp_host": "mail"}, "PENSTOCK_NOTIFY_MAIL_TO"),
        ({"notify_before": "soon"}, "PENSTOCK_NOTIFY_BEFORE"),
        ({"notify_link": "https://a/{gate}"}, "PENSTOCK_NOTIFY_LINK"),
    ],
)
def test_half_a_setting_stops_the_operator_with_its_name(settings: dict[str, object], named: str):
    made = OperatorSettings(**settings)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=named):
        _ = channels(made, SystemClock()), notice_settings(made)
