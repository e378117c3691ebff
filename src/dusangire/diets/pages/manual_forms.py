"""The forms of a draft: each carries which draft at which revision was looked at."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules.book import BookDiet, BookNote, BookRule
from dusangire.diets.rules.book_edits import Place
from dusangire.diets.rules.manual import DietKind, RuleKind
from dusangire.kernel.forms import Limits

_BETWEEN = "|"
_Name = Annotated[str, Limits(least=2, most=120)]
_Text = Annotated[str, Limits(most=600)]
_Bound = Annotated[Decimal, Limits(least=0, most=100000)] | None


class DraftSeen(Struct, frozen=True, kw_only=True):
    """The draft somebody has before them."""

    draft: UUID
    revision: int


class Said(DraftSeen, frozen=True, kw_only=True):
    said: Annotated[str, Limits(most=400)] = ""


class NoteOut(DraftSeen, frozen=True, kw_only=True):
    place: Annotated[str, Limits(most=400)]


class RuleOut(NoteOut, frozen=True, kw_only=True):
    pass


class NewDiet(DraftSeen, frozen=True, kw_only=True):
    """A diet nobody can order before it is signed."""

    code: Annotated[str, Limits(least=2, most=20)]
    name_en: _Name
    name_fr: _Name
    name_rw: _Name
    kind: DietKind
    source: _Name

    def diet(self) -> BookDiet:
        code = "".join(letter for letter in self.code.upper() if letter.isalnum() or letter == "-")
        return BookDiet(
            code, self.name_en, self.name_fr, self.name_rw, str(self.kind), "", "", self.source, "house", ""
        )


class DietWritten(DraftSeen, frozen=True, kw_only=True):
    """A diet's names and notes. `sign_off`: its numbers are to be signed with the version."""

    name_en: _Name
    name_fr: _Name
    name_rw: _Name
    kind: DietKind
    note: _Text = ""
    source: _Text = ""
    sign_off: bool = False

    def words(self) -> dict[str, str]:
        names = ("name_en", "name_fr", "name_rw", "kind", "note", "source")
        return {name: str(getattr(self, name)) for name in names}


class RuleWritten(DraftSeen, frozen=True, kw_only=True):
    """A rule, new or in place of the one at `old`."""

    rule_kind: RuleKind
    subject: Annotated[str, Limits(most=200)] = ""
    scope: Annotated[str, Limits(most=12)] = "meal"
    min: _Bound = None
    max: _Bound = None
    severity: Annotated[str, Limits(most=4)] = "hard"
    rule_source: Annotated[str, Limits(least=3, most=300)]
    old: Annotated[str, Limits(most=400)] = ""

    def rule(self) -> BookRule:
        return BookRule(
            str(self.rule_kind), self.subject, self.scope, self.min, self.max, self.severity, "house", self.rule_source
        )

    @property
    def old_place(self) -> Place | None:
        return place_of(self.old) if self.old else None


class NoteWritten(DraftSeen, frozen=True, kw_only=True):
    """A note on a medicine and food, new or in place of the one at `old`."""

    flag: Annotated[str, Limits(most=30)]
    subject_kind: Annotated[str, Limits(most=10)]
    subject: Annotated[str, Limits(least=2, most=120)]
    threshold: Annotated[Decimal, Limits(least=0, most=100000)] | None = None
    note_kind: Annotated[str, Limits(most=10)] = "ask"
    text_key: Annotated[str, Limits(most=60)]
    note_source: Annotated[str, Limits(least=3, most=300)]
    old: Annotated[str, Limits(most=400)] = ""

    def note(self) -> BookNote:
        threshold = self.threshold if self.subject_kind == "nutrient" else None
        return BookNote(
            self.flag, self.subject_kind, self.subject, threshold, self.note_kind, self.text_key, self.note_source
        )

    @property
    def old_place(self) -> Place | None:
        return place_of(self.old) if self.old else None


def place_of(said: str) -> Place:
    """Return the place a form names, as `kind|subject|scope`; a subject may hold the mark itself."""
    first, _, rest = said.partition(_BETWEEN)
    middle, _, last = rest.rpartition(_BETWEEN)
    return (first, middle, last)
