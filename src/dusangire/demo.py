"""The demo: two hospitals with wards, menu, people and patients, seeded once and told about at the start."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.accounts import queries as account_queries
from dusangire.accounts import service as accounts
from dusangire.accounts.tables import AppUser, Hospital
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role, system
from dusangire.kernel.db import acting_as, close_pool, open_pool, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.settings import settings
from dusangire.menu import service as menu
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards

PASSWORD = "healing-through-nutrition"  # noqa: S105  demo data only; a production start refuses it
FIRST, SECOND = "CHUK", "BUTARE"


class Someone(Struct, frozen=True):
    """One demo sign-in."""

    address: str
    name: str
    role: Role


STAFF = (
    Someone("nurse", "Bosco Habimana", Role.NURSE),
    Someone("doctor", "Diane Mukamana", Role.DOCTOR),
    Someone("nutritionist", "Chantal Uwera", Role.NUTRITIONIST),
    Someone("kitchen", "Didier Nkusi", Role.KITCHEN),
    Someone("delivery", "Esther Ingabire", Role.DELIVERY),
    Someone("support", "Faustin Rwema", Role.SUPPORT),
    Someone("finance", "Solange Iradukunda", Role.FINANCE),
    Someone("admin", "Grace Umutoni", Role.ADMIN),
    Someone("auditor", "Théogène Sibomana", Role.AUDITOR),
    Someone("super", "Habib Kayitare", Role.SUPER_ADMIN),
)


class InBed(Struct, frozen=True):
    """One demo patient: who, where, and what the chart says. `allergies` None: nobody has asked yet."""

    bed: str
    given: str
    family: str
    born: date
    sex: str
    diets: tuple[str, ...]
    allergies: tuple[tuple[str, str], ...] | None = ()
    drink_level: int | None = None
    food_level: int | None = None
    weight_kg: str | None = None
    address: str | None = None
    language: str = "rw"


PATIENTS = (
    InBed("A-012", "Amina", "Uwase", date(1988, 4, 12), "female", ("NA2G",), (("peanuts", "anaphylaxis"),),
          weight_kg="62", address="patient", language="en"),
    InBed("A-001", "Vestine", "Kamikazi", date(1957, 1, 3), "female", ("REG",)),
    InBed("A-002", "Innocent", "Bizimana", date(1969, 9, 21), "male", ("NAS",)),
    InBed("A-004", "Odette", "Mukeshimana", date(1975, 6, 2), "female", ("REG",), (("eggs", "severe"),)),
    InBed("A-006", "Chantal", "Umubyeyi", date(1948, 2, 17), "female", ("REG", "IDDSI5"), (), drink_level=1),
    InBed("A-007", "Jean Bosco", "Habimana", date(1968, 11, 5), "male", ("RENAL-ND",), (("fish", "severe"),),
          weight_kg="62"),
    InBed("A-008", "Marie", "Cyuzuzo", date(1991, 7, 30), "female", (), None),
    InBed("A-009", "Eric", "Tuyisenge", date(1983, 3, 9), "male", ("HPHE",), (), weight_kg="51"),
    InBed("A-010", "Gloria", "Niyonsaba", date(1999, 12, 24), "female", ("VEG",)),
    InBed("A-014", "Pascal", "Ndayisaba", date(1961, 5, 14), "male", ("NA2G", "IDDSI6"), (), drink_level=0),
    InBed("A-015", "Espérance", "Mutoni", date(1979, 8, 8), "female", ("REG",), (("fish", "moderate"),)),
    InBed("A-016", "Donatha", "Ingabire", date(1965, 10, 19), "female", ("LOWFAT",)),
    InBed("A-018", "Samuel", "Kagabo", date(1952, 4, 1), "male", ("FLUID1200",)),
    InBed("A-019", "Solange", "Isimbi", date(1986, 6, 27), "female", ("CCHO45",)),
    InBed("A-021", "Claude", "Nsengimana", date(1972, 2, 11), "male", ("CCHO60",)),
    InBed("B-003", "Théogène", "Sibomana", date(1959, 3, 22), "male", ("CARDIAC",)),
    InBed("B-007", "Faustin", "Rukundo", date(1964, 9, 30), "male", ("RENAL-HD",), (), weight_kg="70"),
    InBed("M-005", "Clarisse", "Umuhoza", date(1996, 1, 16), "female", ("LACT",), (("fish", "severe"),)),
    InBed("P-003", "Kevin", "Ishimwe", date(2022, 5, 20), "male", ("REG", "IDDSI5"), (("milk", "severe"),
          ("eggs", "moderate")), drink_level=1, weight_kg="15"),
    InBed("I-003", "Patrick", "Gatera", date(1990, 10, 2), "male", ("REG",)),
    InBed("ICU-004", "Béatrice", "Nyirahabimana", date(1955, 12, 12), "female", ("FULL",), (("eggs",
          "severe"),), drink_level=2, food_level=3),
)  # fmt: skip


async def seed() -> None:
    """Load both demo hospitals; a second call changes nothing."""
    await open_pool(
        settings().app_url(),
        3,
        statement_timeout="60000",
        lock_timeout="10000",
        idle_in_transaction_session_timeout="60000",
    )
    try:
        first = await _hospital(FIRST, "Ibitaro bya Kigali (demo)", "+250788000000")
        second = await _hospital(SECOND, "Ibitaro bya Huye (demo)", "+250788000001")
        for actor in (first, second):
            with acting_as(actor):
                await menu.load_starter(actor)
                await diets.load_starter(actor)
                await wards.load_starter(actor)
        with acting_as(first):
            staff = {one.address: await _staff(first, one) for one in STAFF}
            for patient in PATIENTS:
                await _in_bed(first, patient, staff)
            await _caregiver(first)
        with acting_as(second):
            other = {
                role.address: await _staff(second, Someone(f"{role.address}.{SECOND.lower()}", role.name, role.role))
                for role in STAFF[:2]
            }
            ines = InBed(
                "A-003", "Ines", "Gasana", date(1993, 3, 3), "female", ("REG",), address="other", language="en"
            )
            await _in_bed(second, ines, other)
    finally:
        await close_pool()


def welcome() -> str:
    """Return what the terminal says once everything runs: the address and who can sign in."""
    said = settings()
    if said.is_production:
        return f"Dusangire serves {said.public_url}"
    names = ["patient", "caregiver", *(one.address for one in STAFF), "other"]
    lines = [f"  {name}@demo.dusangire.example" for name in names]
    return "\n".join([
        "", f"Dusangire is ready: {said.public_url}", "", "Demo sign-ins, one password for all: " + PASSWORD, *lines,
        "", f"Bed cards to scan: sign in as nurse, open a bed. Mails of the demo: {said.public_url}/demo/mail",
        "Watch a lunch hour in a second terminal: make demo-lunch     Stop: Ctrl-C", "",
    ])  # fmt: skip


async def _hospital(code: str, name: str, phone: str) -> Actor:
    with acting_as(None):
        await Hospital.insert(Hospital(code=code, name=name, phone=phone, is_demo=True)).on_conflict(
            action="DO NOTHING", target=Hospital.code
        )
        found = next(one for one in await account_queries.hospitals() if one.code == code)
    return system(found.id, found.zone)


async def _staff(actor: Actor, someone: Someone) -> Actor:
    """Make the person with the demo password, once; return them as an actor."""
    address = f"{someone.address}@demo.dusangire.example"
    person = await account_queries.person_by_identifier(address)
    user = person.id if person else await _account(someone.name, address)
    if not person:
        async with transaction():
            await accounts.add_membership(actor, user, someone.role)
    return Actor(user, actor.hospital, someone.role, actor.rights, name=someone.name, zone=actor.zone)


async def _account(name: str, address: str, language: str = "en") -> UUID:
    user = uuid7()
    hashed = await accounts.hash_secret(PASSWORD)
    await AppUser.insert(AppUser(id=user, name=name, email=address, password_hash=hashed, language=language))
    return user


async def _in_bed(actor: Actor, patient: InBed, staff: dict[str, Actor]) -> None:
    """Register, admit, ask for allergies and sign the diet, as the ward would; nothing if the patient is known."""
    mrn = f"K-{int(patient.bed[-3:]) + 20400 + 1000 * (ord(patient.bed[0]) - 65)}"
    if await ward_queries.patient_of_mrn(actor, mrn):
        return
    made = await wards.register(
        actor, mrn=mrn, given_name=patient.given, family_name=patient.family, birth_date=patient.born, sex=patient.sex,
        phone=None, language=patient.language,
    )  # fmt: skip
    bed = await ward_queries.bed_of_code(actor, patient.bed)
    if bed is None:
        raise RuntimeError(f"the demo has no bed {patient.bed}")
    await wards.admit(actor, made, bed.id)
    nurse, doctor = staff["nurse"], staff["doctor"]
    if patient.weight_kg:
        await wards.measure(nurse, made, "weight_kg", Decimal(patient.weight_kg))
    if patient.allergies == ():
        await diets.no_known_allergies(nurse, made)
    for code, severity in patient.allergies or ():
        await diets.add_allergy(nurse, made, code=code, severity=severity)
    if patient.diets:
        asked = Prescription(
            codes=patient.diets,
            start_at=clock.now(),
            food_level=patient.food_level,
            drink_level=patient.drink_level,
        )
        await diets.sign(doctor, made, asked)
    if patient.address:
        await _sign_in_for(actor, made, patient)


async def _sign_in_for(actor: Actor, patient: UUID, who: InBed) -> None:
    """Give a demo patient's own account an e-mail address and the demo password."""
    person = await ward_queries.person(actor, patient)
    hashed = await accounts.hash_secret(PASSWORD)
    await AppUser.update({
        AppUser.email: f"{who.address}@demo.dusangire.example",
        AppUser.password_hash: hashed,
        AppUser.language: who.language,
    }).where(AppUser.id == person.app_user)  # fmt: skip


async def _caregiver(actor: Actor) -> None:
    address = "caregiver@demo.dusangire.example"
    if await account_queries.person_by_identifier(address):
        return
    amina = await account_queries.person_by_identifier("patient@demo.dusangire.example")
    if amina is None:
        raise RuntimeError("the demo patient is missing")
    patient = await ward_queries.patient_of_user(actor, amina.id)
    user = await _account("Claudine Mutesi", address)
    async with transaction():
        await accounts.add_membership(actor, user, Role.CAREGIVER, patient=patient)
