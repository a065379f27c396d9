"""Texts of the page are readable on what they stand on: WCAG 2.2, 1.4.3, which a browser cannot check inside SVG."""

from __future__ import annotations

import re
from importlib import resources

import pytest

STYLE = (resources.files("reports") / "templates" / "page.css").read_text(encoding="utf-8")
TEXTS = ("ink", "ink-2", "ink-3", "accent", "error", "caution", "calm", "change")
GROUNDS = ("paper", "surface", "sunken", "accent-soft")
MIN_CONTRAST = 4.5


def colors_of(scheme: str) -> dict[str, str]:
    light, dark = (
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2]
    )
    return light if scheme == "light" else light | dark


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio, 1 to 21. Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """WCAG's relative luminance, 0 to 1. Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_color_of_text_has_contrast_on_every_ground(scheme):
    colors = colors_of(scheme)
    low = {
        (text, ground): round(contrast(colors[text], colors[ground]), 2)
        for text in TEXTS
        for ground in GROUNDS
        if contrast(colors[text], colors[ground]) < MIN_CONTRAST
    }
    assert low == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_line_of_a_chart_is_distinct_from_its_ground(scheme):
    colors = colors_of(scheme)
    marks = [name for name in colors if name.startswith("series-")] + ["fatal", "error", "warning", "info", "change"]
    low = {name: round(contrast(colors[name], colors["surface"]), 2) for name in marks}
    # WCAG 2.2, 1.4.11: 3 for what is not text
    assert {name: ratio for name, ratio in low.items() if ratio < 3} == {}


def test_contrast_is_what_wcag_says():
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
