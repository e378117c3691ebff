"""Admitting, moving and sending home; a new PIN; what is measured at the bed. The bed's own page leads here."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.wards import queries, service
from dusangire.wards.rules import EndReason, Language, Measure, PayerClass, Person, Sex

_MANAGE = needs(Can.ADMISSION_MANAGE)


class NewPatient(Struct, frozen=True):
    """What registering asks. `checked`: the nurse has looked at the people with a similar name."""

    mrn: Annotated[str, Limits(most=30)]
    given_name: Annotated[str, Limits(most=60)]
    family_name: Annotated[str, Limits(most=60)]
    birth_date: date
    sex: Sex
    phone: Annotated[str | None, Limits(most=20)] = None
    language: Language = Language.KINYARWANDA
    payer_class: PayerClass = PayerClass.SELF
    checked: bool = False


class Where(Struct, frozen=True):
    """Which bed."""

    bed: UUID


class Who(Struct, frozen=True):
    """Which patient."""

    patient: UUID


class Why(Struct, frozen=True):
    """How an admission ends."""

    reason: EndReason


class Measured(Struct, frozen=True):
    """A weight or a height."""

    kind: Measure
    value: Annotated[Decimal, Limits(least=0, most=400)]


class Admissions(Controller):
    """The nurse's moves."""

    path = "/wards"

    @get("/bed/{bed_code:str}/admit", opt=_MANAGE)
    async def ask(self, request: Request, actor: Acting, bed_code: str) -> Html:
        return await _page(request, actor, bed_code, forms.empty(NewPatient, language="rw"))

    @post("/bed/{bed_code:str}/register", opt=_MANAGE)
    async def register(self, request: Request, actor: Acting, bed_code: str) -> Html:
        form = await forms.read(request, NewPatient)
        if form.value is None:
            return await _page(request, actor, bed_code, form, status=422)
        alike = await queries.look_alikes(actor, form.value.given_name, form.value.family_name)
        if alike and not form.value.checked:
            return await _page(request, actor, bed_code, form, status=422, alike=alike)
        try:
            patient = await _register(actor, bed_code, form.value)
        except Refusal as refused:
            field = _FIELDS.get(refused.key, "mrn")
            form = form.refuse(field, refused.key, **refused.facts)
            return await _page(request, actor, bed_code, form, status=422, alike=alike)
        return await _with_pin(request, actor, patient)

    @post("/bed/{bed_code:str}/admit", opt=_MANAGE)
    async def admit(self, request: Request, actor: Acting, bed_code: str) -> Html:
        form = await forms.read(request, Who)
        if form.value is None:
            return await _page(request, actor, bed_code, forms.empty(NewPatient, language="rw"), status=422)
        return await _admitted(request, actor, bed_code, (await queries.person(actor, form.value.patient)).id)

    @post("/patients/{patient:uuid}/transfer", opt=_MANAGE)
    async def transfer(self, request: Request, actor: Acting, patient: UUID) -> Html:
        form = await forms.read(request, Where)
        if form.value is None:
            raise Refusal("ward.choose_bed", status=422)
        await service.transfer(actor, patient, form.value.bed)
        return go(request, await _bed_page(actor, patient, "moved"))

    @post("/patients/{patient:uuid}/discharge", opt=_MANAGE)
    async def discharge(self, request: Request, actor: Acting, patient: UUID) -> Html:
        form = await forms.read(request, Why)
        if form.value is None:
            raise Refusal("ward.choose_reason", status=422)
        person = await queries.person(actor, patient)
        await service.discharge(actor, patient, form.value.reason)
        return go(request, f"/wards/{person.ward_code}")

    @post("/patients/{patient:uuid}/pin", opt=_MANAGE)
    async def new_pin(self, request: Request, actor: Acting, patient: UUID) -> Html:
        """Show a new PIN once: it is kept as a hash only, so no address can bring it back."""
        pin = await service.set_pin(actor, patient)
        return whole(request, "wards/pin.html", person=await queries.person(actor, patient), pin=pin, is_new=False)

    @post("/patients/{patient:uuid}/measure", opt=_MANAGE)
    async def measure(self, request: Request, actor: Acting, patient: UUID) -> Html:
        form = await forms.read(request, Measured)
        if form.value is None:
            problem = next(iter(form.errors.values()))
            raise Refusal(problem.key, status=422, **problem.facts)
        await service.measure(actor, patient, form.value.kind, form.value.value)
        return go(request, await _bed_page(actor, patient, "measured"))


_FIELDS = {"ward.mrn_known": "mrn", "ward.born_later": "birth_date", "form.phone_bad": "phone"}


async def _register(actor: Actor, bed_code: str, said: NewPatient) -> UUID:
    return await service.register_and_admit(
        actor,
        (await _bed(actor, bed_code)).id,
        mrn=said.mrn,
        given_name=said.given_name,
        family_name=said.family_name,
        birth_date=said.birth_date,
        sex=said.sex,
        phone=said.phone,
        language=said.language,
        payer_class=said.payer_class,
    )


async def _admitted(request: Request, actor: Actor, bed_code: str, patient: UUID) -> Html:
    bed = await _bed(actor, bed_code)
    await service.admit(actor, patient, bed.id)
    return await _with_pin(request, actor, patient)


async def _with_pin(request: Request, actor: Actor, patient: UUID) -> Html:
    """Show the PIN once: it is kept as a hash only, so no address can bring it back."""
    pin = await service.set_pin(actor, patient)
    return whole(request, "wards/pin.html", person=await queries.person(actor, patient), pin=pin, is_new=True)


async def _bed_page(actor: Actor, patient: UUID, said: str) -> str:
    person = await queries.person(actor, patient)
    return f"/wards/bed/{person.bed_code}?said={said}" if person.bed_code else f"/wards/?said={said}"


async def _bed(actor: Actor, bed_code: str) -> queries.BedRow:
    bed = await queries.bed_of_code(actor, bed_code)
    if bed is None:
        raise NotHere
    return bed


async def _page(
    request: Request,
    actor: Actor,
    bed_code: str,
    form: Form[NewPatient],
    *,
    status: int = 200,
    alike: list[Person] | None = None,
) -> Html:
    typed = str(request.query_params.get("q", ""))[:60].strip()
    found = [one for one in await queries.find_people(actor, typed) if one.bed is None] if typed else []
    return whole(
        request,
        "wards/admit.html",
        status=status,
        bed=await _bed(actor, bed_code),
        form=form,
        alike=alike or [],
        typed=typed,
        found=found,
    )
