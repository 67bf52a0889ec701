"""The README stays one page; what it tells people to type is in tests/docs/."""

from tests.support.pages import README


def test_the_readme_stays_short() -> None:
    assert len(README.text.splitlines()) < 200


def test_the_readme_begins_with_two_commands() -> None:
    first, *_ = README.blocks("sh")
    assert first == "make demo\nmake test\n"


def test_the_readme_shows_the_commands() -> None:
    assert len(set(README.commands_of("ktp"))) >= 7
