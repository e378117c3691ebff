"""Edits of a draft of the manual: each gives the next text, and what is not there is a KeyError."""

from collections.abc import Mapping
from datetime import date

from msgspec import structs

from .book import Book, BookDiet, BookNote, BookRule, Changes

SIGNER = "@signer"
"""Stands where the signer's name goes when the version is signed."""

Place = tuple[str, str, str]


def with_words(book: Book, code: str, words: Mapping[str, str], *, sign_off: bool) -> Book:
    """Return the text with a diet's names and notes changed; `sign_off`: its numbers are to be signed with it."""
    diet = _diet(book, code)
    kept = "" if diet.validated_by == SIGNER else diet.validated_by
    return _put(book, structs.replace(diet, **words, validated_by=SIGNER if sign_off else kept))


def with_diet(book: Book, diet: BookDiet) -> Book:
    """Return the text with one diet more. Raises ValueError where the code is taken."""
    if book.diet(diet.code) is not None:
        raise ValueError(diet.code)
    return structs.replace(book, diets=(*book.diets, diet))


def with_rule(book: Book, code: str, rule: BookRule, *, instead_of: Place | None = None) -> Book:
    """Return the text with a rule more, or in place of another. Raises ValueError where there is one already."""
    diet = _diet(book, code)
    if rule.place != instead_of and any(one.place == rule.place for one in diet.rules):
        raise ValueError(rule.subject)
    if instead_of is None:
        return _put(book, structs.replace(diet, rules=(*diet.rules, rule)))
    if all(one.place != instead_of for one in diet.rules):
        raise KeyError(instead_of)
    rules = tuple(rule if one.place == instead_of else one for one in diet.rules)
    return _put(book, structs.replace(diet, rules=rules))


def without_rule(book: Book, code: str, place: Place) -> Book:
    """Return the text without a rule."""
    diet = _diet(book, code)
    rules = tuple(one for one in diet.rules if one.place != place)
    if len(rules) == len(diet.rules):
        raise KeyError(place)
    return _put(book, structs.replace(diet, rules=rules))


def with_note(book: Book, note: BookNote, *, instead_of: Place | None = None) -> Book:
    """Return the text with a note more, or in place of another. Raises ValueError where there is one already."""
    if note.place != instead_of and any(one.place == note.place for one in book.notes):
        raise ValueError(note.subject)
    if instead_of is None:
        return structs.replace(book, notes=(*book.notes, note))
    if all(one.place != instead_of for one in book.notes):
        raise KeyError(instead_of)
    return structs.replace(book, notes=tuple(note if one.place == instead_of else one for one in book.notes))


def without_note(book: Book, place: Place) -> Book:
    """Return the text without a note."""
    notes = tuple(one for one in book.notes if one.place != place)
    if len(notes) == len(book.notes):
        raise KeyError(place)
    return structs.replace(book, notes=notes)


def signed(book: Book, found: Changes, name: str, on: date) -> Book:
    """Return the text as it is signed: every diet that changed, or was to be signed off, carries the signer's name."""
    changed = {one.code for one in found.diets}
    mark = f"{name}, {on.isoformat()}"
    return structs.replace(
        book,
        diets=tuple(structs.replace(diet, validated_by=mark) if diet.code in changed else diet for diet in book.diets),
    )


def restored(now: Book, wanted: Book) -> Book:
    """Return an older text to go back to: diets that came later stay, since orders may name them."""
    codes = {diet.code for diet in wanted.diets}
    return structs.replace(wanted, diets=(*wanted.diets, *(diet for diet in now.diets if diet.code not in codes)))


def _diet(book: Book, code: str) -> BookDiet:
    found = book.diet(code)
    if found is None:
        raise KeyError(code)
    return found


def _put(book: Book, diet: BookDiet) -> Book:
    return structs.replace(book, diets=tuple(diet if one.code == diet.code else one for one in book.diets))
