"""The demo: two hospitals with wards, menu, people and patients, seeded once and told about at the start."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

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
from dusangire.kernel.money import Money
from dusangire.kernel.settings import settings, simulator
from dusangire.menu import queries as menu_queries
from dusangire.menu import service as menu
from dusangire.menu.rules import sitting
from dusangire.orders import queries as order_queries
from dusangire.orders import service as orders
from dusangire.orders.queries import Order
from dusangire.orders.service import Checkout, Choice
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.queries import bank as bank_queries
from dusangire.payments.queries import cash as cash_queries
from dusangire.payments.queries import funds as fund_queries
from dusangire.payments.rules import Method
from dusangire.payments.rules.bank import BankRow
from dusangire.payments.rules.cash import Count
from dusangire.payments.rules.coupons import CouponKind
from dusangire.payments.rules.funds import CameBy, Limits
from dusangire.payments.service import annulling, coupons, funds_desk, payers
from dusangire.payments.service import bank as bank_service
from dusangire.payments.service import cash as cash_service
from dusangire.payments.service import office as office_service
from dusangire.subscriptions import service as subscriptions
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards
from dusangire.wards.rules import PayerClass

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
                await orders.load_starter(actor)
                await subscriptions.load_starter(actor)
        with acting_as(first):
            staff = {one.address: await _staff(first, one) for one in STAFF}
            for patient in PATIENTS:
                await _in_bed(first, patient, staff)
            await _caregiver(first)
            await _who_else_pays(first, staff["finance"])
            await _money(first, staff)
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
        *([f"Telephones that are asked for money: {simulator(said.providers_port)}"] if said.simulates else []),
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


async def _money(actor: Actor, staff: dict[str, Actor]) -> None:
    """Let tomorrow's dinner be ordered and paid in three ways, so that the finance office has something to do; once."""
    if await bank_queries.known_refs(actor, ["FT26325001"]):
        return
    office, carrier = staff["finance"], staff["delivery"]
    payee = bank_queries.Payee("Ibitaro bya Kigali (demo)", "Banki ya Kigali (demo)", "00040-0123456-78")
    await office_service.save_settings(office, office_service.Settings(payee, "A"))
    billed = await _dinner(staff["nurse"], "A-001", Method.HOSPITAL_ACCOUNT)
    await annulling.pay_account(office, billed.admission, payments.Share(Method.CASH, Money(500)))
    cash = (await payment_queries.payments_of(actor, (await _dinner(staff["nurse"], "A-015", Method.CASH)).id))[0]
    await payments.settle_cash(carrier, cash.subject, collector=carrier.user)
    await payments.give_back(office, cash.id, Money(500), why="The soup was cold")
    shift = await cash_queries.open_shift(actor, carrier.user)
    if shift is None:
        raise RuntimeError("cash was taken outside a shift")
    await cash_service.count(carrier, shift.id, Count(cash.amount - Money(100), reason="One coin was lost"))
    sent = (await payment_queries.payments_of(actor, (await _dinner(staff["nurse"], "A-004", Method.BANK)).id))[0]
    today = clock.local_day(clock.now(), actor.zone)
    rows = [
        BankRow("FT26325001", today, sent.amount - Money(300), "MUKESHIMANA ODETTE", f"MEALS {sent.code}"),
        BankRow("FT26325002", today, Money(15_000), "UNKNOWN SENDER", "SUPPORT"),
    ]
    await bank_service.import_lines(office, rows, source="november.csv")


async def _dinner(nurse: Actor, bed: str, method: Method) -> Order:
    """Order tomorrow's dinner for whoever lies in a bed."""
    patient = next(one.person.id for one in await ward_queries.bedsides(nurse) if one.person and one.code == bed)
    day = clock.local_day(clock.now(), nurse.zone) + timedelta(days=1)
    meal = sitting(await menu_queries.periods(nurse), day, "dinner", nurse.zone)
    if meal is None:
        raise RuntimeError("the demo has no dinner")
    await orders.add(nurse, Choice(patient, meal, "CHK-STW"))
    made = await orders.place(nurse, Checkout(uuid4().hex, patient, day, "dinner", method))
    return await order_queries.order(nurse, made)


# Who stands behind these demo patients' bills; the others pay for themselves.
INSURED = (
    ("A-010", PayerClass.PRIVATE, "Radiant", "RD-20417"), ("B-003", PayerClass.RSSB, "RSSB", "RAMA-88120"),
    ("P-003", PayerClass.CBHI, "CBHI", "CBHI-55310"), ("I-003", PayerClass.STATE, "", ""),
    ("A-009", PayerClass.INDIGENT, "", ""),
)  # fmt: skip


async def _who_else_pays(actor: Actor, finance: Actor) -> None:
    """A donor's fund with a gift, a coupon, and who pays for whom; nothing where the fund is there."""
    if await fund_queries.funds(actor):
        return
    today = clock.local_day(clock.now(), actor.zone)
    purpose = "Meals for patients who cannot pay now"
    wanted = Limits(
        "Inshuti z'Abarwayi", "Inshuti Foundation", purpose, most_meal_minor=4000, serves_from=today, helps_at_once=True
    )
    fund = await funds_desk.make(finance, wanted)
    gift = funds_desk.NewGift("demo gift", Money(300000), CameBy.BANK, today, "BK-TRF-004417")
    await funds_desk.receive(finance, fund, gift)
    await coupons.make(
        finance, coupons.NewCoupon("KARIBU10", CouponKind.PERCENT, 10, 500, today, per_person=3, most_minor=1000)
    )
    for rule in (
        payers.NewRule(PayerClass.PRIVATE, 20, 0, 80, 0, today),
        payers.NewRule(PayerClass.STATE, 0, 100, 0, 0, today),
        payers.NewRule(PayerClass.INDIGENT, 0, 0, 0, 100, today, fund=fund),
    ):
        await payers.add_rule(finance, rule)
    for code, payer_class, insurer, number in INSURED:
        bed = await ward_queries.bed_of_code(actor, code)
        if bed is not None and bed.patient is not None:
            person = await ward_queries.person(actor, bed.patient)
            if person.admission is not None:
                await wards.set_payer(
                    finance, person.admission, payer_class, insurer=insurer, insurance_no=number, why="at admission"
                )
