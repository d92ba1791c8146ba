from __future__ import annotations

import json

import pytest

from penstock.application.lookalikes import spelt_out


def spell(char: str) -> str:
    return f"<{ord(char):04X}>"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("rm -rf /d\u0430ta", "rm -rf /d<0430>ta", id="a-cyrillic-letter-in-a-word"),
        pytest.param("curl p\u03bfrtal", "curl p<03BF>rtal", id="a-greek-one"),
        pytest.param(
            "\u0440\u0430\u0443\u0440\u0430\u04cf.com",
            "<0440><0430><0443><0440><0430><04CF>.com",
            id="a-word-of-nothing-but-such-letters",
        ),
        pytest.param("\uff52\uff4d x", "<FF52><FF4D> x", id="full-width"),
        pytest.param("\U0001d42bm x", "<1D42B>m x", id="mathematical"),
        pytest.param("rm \u2013rf", "rm <2013>rf", id="a-dash-for-a-minus"),
        pytest.param("a\u2215b a\u2044b", "a<2215>b a<2044>b", id="other-slashes"),
        pytest.param("a\u00a0b", "a<00A0>b", id="a-space-that-is-none"),
        pytest.param("k\u0131ll", "k<0131>ll", id="an-i-without-its-dot"),
    ],
)
def test_what_passes_for_something_else_is_spelt_out(text: str, want: str):
    assert spelt_out(text, spell) == want


@pytest.mark.parametrize(
    "text",
    [
        "plain ASCII -rf /data",
        "Übergrößenträger für René, señor, Łódź",
        "Удалить заказ сегодня",
        "Διαγραφή της παραγγελίας",
        "注文を削除する echo 日本語",
        "حذف الطلب",
        json.dumps({"source": 'echo 1\nУдалить\tзаказ "сегодня"'}, ensure_ascii=False),
        "🦊 → done … “quoted” ’s",
    ],
)
def test_what_is_plainly_of_another_script_stays(text: str):
    assert spelt_out(text, spell) == text
