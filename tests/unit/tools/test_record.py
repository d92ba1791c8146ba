"""Pictures of a terminal: what stands on it at last."""

from __future__ import annotations

import re

from tools.record import SCENES, at_the_end, drawn


def test_lines_that_were_drawn_again_are_there_once():
    shown = "$ run\r\n\x1b[2K. build Starting\r\n. ship\x1b[1A\r\x1b[2Kbuild Succeeded\r\n\x1b[2Kship\r\n"
    assert at_the_end(shown) == "$ run\nbuild Succeeded\nship"


def test_colours_stay_and_nothing_is_fetched_from_elsewhere():
    picture = drawn(SCENES[0], "\x1b[32m$\x1b[0m penstock run <file>\n")
    assert "penstock&#160;run&#160;&lt;file&gt;" in picture
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", picture))
    assert {address for address in addresses if "w3.org" not in address and "textualize" not in address} == set()
