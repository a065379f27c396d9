"""The second look finds an original value wherever a reader of the capture would."""

from pathlib import Path

import pytest

from analyzer.sharing.collecting import Collector
from analyzer.sharing.rescan import Leak, find_leaks
from formats.capture.reading import open_capture
from tests.analyzer.capture_builder import CaptureBuilder


def look_for(
    directory: Path,
    text: str,
    *,
    tokens: tuple[str, ...] = (),
    identifiers: tuple[str, ...] = (),
    addresses: tuple[str, ...] = (),
) -> list[Leak]:
    """What is found in a capture whose one ConfigMap has `text` as a value."""
    directory.mkdir(exist_ok=True)
    path = CaptureBuilder(directory).kube_object("ConfigMap", "x", {"data": {"K": text}}, at=1).write()
    originals = Collector()
    originals.tokens |= set(tokens)
    originals.identifiers |= set(identifiers)
    originals.addresses |= set(addresses)
    capture = open_capture(path)
    return list(find_leaks(capture, originals))


@pytest.mark.parametrize(
    "text",
    [
        "acme",
        "ACME",
        "the-acme-shop",
        "acme_shop",
        "x/acme.y",
        "é acme",
        "étéacmeété",
        '{"a": "acme"}',
        "…acme…",
        "first\nacme",
    ],
)
def test_original_token_is_found_in_every_surrounding(tmp_path: Path, text: str) -> None:
    assert {leak.original for leak in look_for(tmp_path, text, tokens=("acme",))} == {"acme"}


@pytest.mark.parametrize("text", ["acmes", "myacme", "ac-me", "acme1"])
def test_longer_run_is_another_word(tmp_path: Path, text: str) -> None:
    assert look_for(tmp_path, text, tokens=("acme",)) == []


def test_token_beyond_ascii_is_found(tmp_path: Path) -> None:
    assert [leak.original for leak in look_for(tmp_path, "bei-мюллер", tokens=("мюллер",))] == ["мюллер"]


def test_place_of_a_leak_is_named(tmp_path: Path) -> None:
    (leak,) = look_for(tmp_path, "acme", tokens=("acme",))
    assert leak.where == "kube_object.k8s.object.content"


@pytest.mark.parametrize("text", ["0f0e0d0c-0b0a-0908-0706-050403020100", "0f0e0d0c_0b0a_0908_0706_050403020100"])
def test_identifier_is_found_with_either_separator(tmp_path: Path, text: str) -> None:
    leaks = look_for(tmp_path, f"pod {text}", identifiers=("0f0e0d0c0b0a09080706050403020100",))
    assert [leak.original for leak in leaks] == ["0f0e0d0c0b0a09080706050403020100"]


def test_address_is_found_whole_and_not_as_a_part_of_another(tmp_path: Path) -> None:
    for number, text in enumerate(("to 10.1.2.3, then", "to 10.1.2.3:80", "10.1.2.3.", "http://10.1.2.3/x")):
        leaks = look_for(tmp_path / str(number), text, addresses=("10.1.2.3",))
        assert [leak.original for leak in leaks] == ["10.1.2.3"], text
    assert look_for(tmp_path / "longer", "to 110.1.2.34 and 10.1.2.3.4", addresses=("10.1.2.3",)) == []


def test_words_of_kubernetes_single_letters_and_short_numbers_are_no_leaks(tmp_path: Path) -> None:
    assert look_for(tmp_path, "kube-system a 12345", tokens=("kube", "system", "a", "12345")) == []


def test_long_number_is_a_leak(tmp_path: Path) -> None:
    assert [leak.original for leak in look_for(tmp_path, "ticket 123456", tokens=("123456",))] == ["123456"]
