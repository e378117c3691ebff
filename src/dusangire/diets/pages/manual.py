"""The diet manual in its versions: read as it was, compared, and drafted anew. A draft changes nothing."""

from typing import Any, TypeVar

from litestar import Controller, get, post
from litestar.connection import Request

from dusangire.diets import queries, service
from dusangire.diets.pages.manual_forms import (
    DietWritten,
    DraftSeen,
    NewDiet,
    NoteOut,
    NoteWritten,
    RuleOut,
    RuleWritten,
    Said,
    place_of,
)
from dusangire.diets.pages.words import rule_name
from dusangire.diets.queries import Draft
from dusangire.diets.rules.book import LIMITED, SCOPES, Book, BookDiet, changes, plain, problems
from dusangire.diets.rules.book_edits import (
    SIGNER,
    with_diet,
    with_note,
    with_rule,
    with_words,
    without_note,
    without_rule,
)
from dusangire.diets.rules.flags import MEDICINES
from dusangire.diets.rules.manual import DietKind, RuleKind
from dusangire.diets.service.manual_drafts import Edit
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form
from dusangire.kernel.html import Html, go, language, whole
from dusangire.menu.rules import EU_ALLERGENS, TAGS

READS = needs(Can.NUTRITION_WORK, Can.CHART_SEE, Can.ORDERS_SEE, Can.AUDIT_READ)
WRITES = needs(Can.MANUAL_EDIT)
T = TypeVar("T", bound=DraftSeen)
TEXTS = ("medicine.note.keep_constant", "medicine.note.tyramine", "medicine.note.potassium")


S = TypeVar("S", bound="DraftSeen")


class ManualVersions(Controller):
    """What was in force when, signed by whom."""

    path = "/manual/versions"

    @get("/", opt=READS)
    async def all(self, request: Request, actor: Acting) -> Html:
        found = await queries.versions(actor)
        return whole(request, "diets/versions.html", versions=found, draft=await queries.open_draft(actor))

    @get("/{rev:int}", opt=READS)
    async def one(self, request: Request, actor: Acting, rev: int) -> Html:
        found = await queries.version(actor, rev)
        others = [row.rev for row in await queries.versions(actor) if row.rev != rev]
        return whole(
            request, "diets/version.html", version=found, others=others, named=named(request, found.book),
            now=await queries.manual_revision(actor), draft=await queries.open_draft(actor),
        )  # fmt: skip

    @get("/{rev:int}/compare", opt=READS)
    async def compare(self, request: Request, actor: Acting, rev: int) -> Html:
        said = str(request.query_params.get("with", ""))
        later = await queries.version(actor, rev)
        before = await queries.version(actor, int(said) if said.isascii() and said.isdigit() and len(said) < 9 else 1)
        found = changes(before.book, later.book)
        words = named(request, before.book, later.book)
        return whole(request, "diets/compare.html", before=before.row, later=later.row, changes=found, named=words)

    @post("/{rev:int}/draft", opt=WRITES)
    async def back(self, request: Request, actor: Acting, rev: int) -> Html:
        await service.start_draft(actor, rev)
        return go(request, "/manual/draft")


class ManualDrafts(Controller):
    """The next version, as it is being written."""

    path = "/manual/draft"

    @get("/", opt=WRITES)
    async def overview(self, request: Request, actor: Acting) -> Html:
        return await _overview(request, actor)

    @post("/", opt=WRITES)
    async def start(self, request: Request, actor: Acting) -> Html:
        await service.start_draft(actor)
        return go(request, "/manual/draft")

    @post("/drop", opt=WRITES)
    async def drop(self, request: Request, actor: Acting) -> Html:
        seen = await _seen(request)
        await service.drop_draft(actor, seen.draft, seen.revision)
        return go(request, "/manual/versions")

    @post("/note", opt=WRITES)
    async def note(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Said)
        if form.value is None:
            return await _overview(request, actor, status=422, said=form)
        try:
            await service.note_draft(actor, form.value.draft, form.value.revision, form.value.said)
        except Refusal as refused:
            return await _overview(request, actor, status=refused.status, said=form, refused=refused)
        return go(request, "/manual/draft")

    @post("/diets", opt=WRITES)
    async def add_diet(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, NewDiet)
        if form.value is None:
            return await _overview(request, actor, status=422, new=form)
        made = form.value.diet()
        try:
            await _change(actor, form.value, lambda book: with_diet(book, made), made.code)
        except Refusal as refused:
            wrong = form.refuse("code", refused.key, **refused.facts)
            return await _overview(request, actor, status=refused.status, new=wrong)
        return go(request, f"/manual/draft/diets/{made.code}")

    @post("/notes", opt=WRITES)
    async def write_note(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, NoteWritten)
        if form.value is None:
            return await _overview(request, actor, status=422, noted=form)
        note, old = form.value.note(), form.value.old_place
        try:
            await _change(actor, form.value, lambda book: with_note(book, note, instead_of=old), note.flag)
        except Refusal as refused:
            wrong = form.refuse("subject", refused.key, **refused.facts)
            return await _overview(request, actor, status=refused.status, noted=wrong)
        return go(request, "/manual/draft#notes")

    @post("/notes/remove", opt=WRITES)
    async def remove_note(self, request: Request, actor: Acting) -> Html:
        found = _whole(await forms.read(request, NoteOut))
        await _change(actor, found, lambda book: without_note(book, place_of(found.place)), "note")
        return go(request, "/manual/draft#notes")

    @get("/diets/{code:str}", opt=WRITES)
    async def diet(self, request: Request, actor: Acting, code: str) -> Html:
        return await _diet(request, actor, code)

    @post("/diets/{code:str}", opt=WRITES)
    async def write_diet(self, request: Request, actor: Acting, code: str) -> Html:
        form = await forms.read(request, DietWritten)
        if form.value is None:
            return await _diet(request, actor, code, status=422, words=form)
        asked = form.value
        try:
            await _change(
                actor, asked, lambda book: with_words(book, code, asked.words(), sign_off=asked.sign_off), code
            )
        except Refusal as refused:
            return await _diet(request, actor, code, status=refused.status, words=form, refused=refused)
        return go(request, f"/manual/draft/diets/{code}?said=saved")

    @post("/diets/{code:str}/rules", opt=WRITES)
    async def write_rule(self, request: Request, actor: Acting, code: str) -> Html:
        form = await forms.read(request, RuleWritten)
        if form.value is None:
            return await _diet(request, actor, code, status=422, rule=form)
        rule, old = form.value.rule(), form.value.old_place
        try:
            await _change(actor, form.value, lambda book: with_rule(book, code, rule, instead_of=old), code)
        except Refusal as refused:
            wrong = form.refuse("subject", refused.key, **refused.facts)
            return await _diet(request, actor, code, status=refused.status, rule=wrong)
        return go(request, f"/manual/draft/diets/{code}?said=saved")

    @post("/diets/{code:str}/rules/remove", opt=WRITES)
    async def remove_rule(self, request: Request, actor: Acting, code: str) -> Html:
        found = _whole(await forms.read(request, RuleOut))
        await _change(actor, found, lambda book: without_rule(book, code, place_of(found.place)), code)
        return go(request, f"/manual/draft/diets/{code}?said=saved")


def named(request: Request, *books: Book) -> dict[str, str]:
    """Return the words of everything that rules of these texts are about."""
    lang = language(request)
    subjects = {rule.subject or rule.rule_kind for book in books for diet in book.diets for rule in diet.rules}
    return {subject: rule_name(lang, subject) for subject in (*subjects, *LIMITED, *TAGS, *EU_ALLERGENS)}


async def _seen(request: Request) -> DraftSeen:
    return _whole(await forms.read(request, DraftSeen))


def _whole(form: Form[S]) -> S:
    """A form of hidden fields alone: one that does not read was not sent by a page of ours."""
    if form.value is None:
        raise NotHere
    return form.value


async def _change(actor: Actor, seen: DraftSeen, edit: Edit, what: str) -> None:
    await service.change_draft(actor, seen.draft, seen.revision, edit, what=what)


async def _overview(
    request: Request,
    actor: Actor,
    *,
    status: int = 200,
    said: Form[Said] | None = None,
    new: Form[NewDiet] | None = None,
    noted: Form[NoteWritten] | None = None,
    refused: Refusal | None = None,
) -> Html:
    draft = await queries.open_draft(actor)
    now = await queries.book(actor)
    book = draft.book if draft else now
    context: dict[str, Any] = {
        "draft": draft,
        "now": await queries.manual_revision(actor),
        "changes": changes(now, book),
        "faults": problems(book),
        "named": named(request, now, book),
        "said": said or forms.empty(Said, said=draft.note if draft else ""),
        "new": new or forms.empty(NewDiet),
        "noted": noted or _note_form(request, book),
        "kinds": list(DietKind),
        "flags": sorted(MEDICINES),
        "texts": TEXTS,
        "refused": refused,
    }
    return whole(request, "diets/draft.html", status=status, **context)


async def _diet(
    request: Request,
    actor: Actor,
    code: str,
    *,
    status: int = 200,
    words: Form[DietWritten] | None = None,
    rule: Form[RuleWritten] | None = None,
    refused: Refusal | None = None,
) -> Html:
    draft, diet = await _drafted(actor, code)
    typed = {name: str(getattr(diet, name)) for name in ("name_en", "name_fr", "name_rw", "kind", "note", "source")}
    typed["sign_off"] = "1" if diet.validated_by == SIGNER else ""
    return whole(
        request,
        "diets/draft_diet.html",
        status=status,
        draft=draft,
        diet=diet,
        named=named(request, draft.book),
        words=words or forms.empty(DietWritten, **typed),
        rule=rule or _rule_form(request, diet),
        kinds=list(DietKind),
        rule_kinds=list(RuleKind),
        scopes=SCOPES,
        subjects=[*LIMITED, *TAGS, *EU_ALLERGENS],
        faults=[one for one in problems(draft.book) if one.code == code],
        saved=request.query_params.get("said", ""),
        refused=refused,
    )


def _rule_form(request: Request, diet: BookDiet) -> Form[RuleWritten]:
    """The form to add a rule, or to change the one that the address names."""
    asked = place_of(str(request.query_params.get("rule", "")))
    found = next((one for one in diet.rules if one.place == asked), None)
    if found is None:
        return forms.empty(RuleWritten, severity="hard", scope="meal", rule_kind="limit")
    typed = {name: str(getattr(found, name)) for name in ("rule_kind", "subject", "scope", "severity")}
    bounds = {"min": plain(found.min), "max": plain(found.max)}
    return forms.empty(RuleWritten, **typed, **bounds, rule_source=found.source, old="|".join(found.place))


def _note_form(request: Request, book: Book) -> Form[NoteWritten]:
    asked = place_of(str(request.query_params.get("note", "")))
    found = next((one for one in book.notes if one.place == asked), None)
    if found is None:
        return forms.empty(NoteWritten, note_kind="ask", subject_kind="food")
    typed = {name: str(getattr(found, name)) for name in ("flag", "subject_kind", "subject", "text_key")}
    more = {"threshold": plain(found.threshold), "note_kind": found.kind, "note_source": found.source}
    return forms.empty(NoteWritten, **typed, **more, old="|".join(found.place))


async def _drafted(actor: Actor, code: str) -> tuple[Draft, BookDiet]:
    draft = await queries.open_draft(actor)
    diet = draft.book.diet(code) if draft else None
    if draft is None or diet is None:
        raise NotHere
    return draft, diet
