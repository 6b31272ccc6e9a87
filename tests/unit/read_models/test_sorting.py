import pytest
from hypothesis import given
from hypothesis import strategies as st

from read_models.patient_events import MAX_TEXT_LENGTH
from read_models.sorting import initial, letters, sort_key

LONGEST_KEY = 2**16 - 1
"""Bytes that a key of a row may have in Cassandra."""


def in_order(*texts: str) -> list[str]:
    shuffled = list(texts)
    shuffled.reverse()
    return sorted(shuffled, key=sort_key)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["Anton", "Åsa", "Bo"], id="Åsa with A"),
        pytest.param(["Lukas", "Łukasz", "Lund", "Ma"], id="Łukasz with L"),
        pytest.param(["Emil", "Émile", "Emilia", "Fa"], id="an accent after the letters"),
        pytest.param(["ida", "Ida", "idb"], id="capitals after small letters of one name"),
        pytest.param(["Asa", "Åsa", "Asab"], id="an accent after none"),
        pytest.param(["Ada", "bo", "CHIARA", "\uff24ora", "Emil"], id="capitals and wide letters"),
        pytest.param(["Strasse", "Straße", "Strasse a"], id="ß as ss"),
        pytest.param(["Ward 2", "Ward 10", "Ward 100"], id="numbers by their value"),
        pytest.param(["2", "10", "A"], id="numbers before letters"),
        pytest.param(["Ward 2 b", "Ward 10 a"], id="a number before what follows it"),
        pytest.param(["Ward \u0662", "Ward \u0661\u0660"], id="numbers in other digits"),
        pytest.param(["", "\u0301", "\N{GRINNING FACE}", "A"], id="nothing before all else"),
        pytest.param(["Zoe", "Анна", "王"], id="scripts one after the other"),
    ],
)
def test_texts_stand_as_people_expect_them(texts: list[str]) -> None:
    assert in_order(*texts) == texts


def test_a_composed_letter_is_the_same_as_a_letter_and_its_accent() -> None:
    assert sort_key("\u00c5sa") == sort_key("A\u030asa")


def test_leading_zeros_do_not_count() -> None:
    assert sort_key("Ward 007") == sort_key("Ward 7")


@pytest.mark.parametrize("base", ["A", "L", "W", "1", "王"])
def test_texts_under_one_letter_have_one_initial(base: str) -> None:
    assert initial(sort_key(base)) == initial(sort_key(base.lower())) == initial(sort_key(base * 9))


@pytest.mark.parametrize(("text", "letter"), [("Åsa", "A"), ("éa", "E"), ("ida", "I")])
def test_accents_and_capitals_do_not_change_the_initial(text: str, letter: str) -> None:
    assert initial(sort_key(text)) == initial(sort_key(letter))


@pytest.mark.parametrize("text", ["", "\u0301", "\u0301\u0302\u0327", "\x00", "\u200d"])
def test_a_text_without_a_letter_stands_before_all_letters(text: str) -> None:
    assert initial(sort_key(text)) == 0
    assert sort_key(text) < sort_key("0")


def test_very_many_digits_are_sorted_one_by_one() -> None:
    shorter, longer = "1" * 30, "2" * 29
    assert in_order(shorter, longer) == [shorter, longer]
    assert sort_key("9" * MAX_TEXT_LENGTH) > sort_key("9" * (MAX_TEXT_LENGTH - 1))


@pytest.mark.parametrize(
    "unit",
    ["a", "1 ", "1\ufdfa", "\ufdfa", "\N{HOSPITAL}", "\U0010ffff", "각"],
    ids=["letters", "numbers", "numbers and ligatures", "ligatures", "emoji", "last", "syllables"],
)
def test_the_longest_text_has_a_key_that_fits(unit: str) -> None:
    text = (unit * MAX_TEXT_LENGTH)[:MAX_TEXT_LENGTH]
    assert len(sort_key(text)) < LONGEST_KEY


texts = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aAåÅlŁ019 \u0301ß王"))
)


@given(texts)
def test_a_key_is_bytes_of_which_the_first_are_the_initial(text: str) -> None:
    key = sort_key(text)
    assert 0 <= initial(key) < 2**16
    assert initial(key).to_bytes(2, "big") == key[:2]


@given(texts, texts)
def test_letters_have_the_order_of_the_texts(one: str, other: str) -> None:
    first, second = sorted([sort_key(one), sort_key(other)])
    assert initial(first) <= initial(second)


@given(texts, st.sampled_from("abcŁé"))
def test_a_text_stands_before_the_same_with_another_letter(text: str, letter: str) -> None:
    assert sort_key(text) < sort_key(f"{text}{letter}")


@pytest.mark.parametrize(
    ("text", "other"),
    [("Łukasz", "lukasz"), ("ÅSA", "asa"), ("  Ada   Marsh ", "ada marsh"), ("Straße", "strasse")],
)
def test_accents_capitals_and_blanks_do_not_matter_in_a_search(text: str, other: str) -> None:
    assert letters(text) == letters(other)


def test_what_has_no_letters_cannot_be_searched_for() -> None:
    assert letters("") == letters(" ") == letters("\u0301") == ()
