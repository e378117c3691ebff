"""A lunch hour played against the running server over HTTP: patients order, cooks cook, carriers carry, things change.

Everybody uses the pages as a phone without JavaScript would. A seed makes it the same lunch twice.
"""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import httpx
from msgspec import Struct, field

from dusangire.demo import PASSWORD
from dusangire.walker import Walker

COOKS, CARRIERS = 3, 4
# Who wants to know how long each answer took, in seconds: the bench.
LISTENERS: list[Callable[[float], object]] = []
DIETS = (
    "REG",
    "REG",
    "REG",
    "NAS",
    "NA2G",
    "LOWFAT",
    "VEG",
    "HALAL",
    "SDA",
    "CARDIAC",
    "FOODSAFE",
    "LACFREE",
    "CCHO60",
)
ALLERGIES = ("peanuts", "eggs", "milk", "fish", "gluten", "soya", "celery")
GIVEN = ("Aimée", "Bernard", "Claire", "Damien", "Emeline", "Fabrice", "Ghislaine", "Hervé", "Immaculée", "Jules")
FAMILY = (
    "Uwimana",
    "Niyonzima",
    "Mugisha",
    "Ingabire",
    "Hakizimana",
    "Murekatete",
    "Nshimiyimana",
    "Kabera",
    "Iradukunda",
)
BEDS = [
    f"{ward}-{n:03d}"
    for ward, most in (("A", 50), ("B", 40), ("P", 15), ("M", 12), ("ICU", 20))
    for n in range(1, most + 1)
]


class Guest(Struct):
    """One patient of the lunch: where they lie and how they sign in."""

    id: str
    name: str
    born: date
    bed: str
    code: str
    pin: str
    order: str = ""


class Lunch(Struct):
    """What happens, counted."""

    address: str
    ends: float
    dice: random.Random
    guests: list[Guest] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    done: set[tuple[str, str]] = field(default_factory=set)

    def count(self, what: str, person: Walker) -> None:
        """Count a move once, however many hands pressed the same button."""
        if person.status == 200 and (what, person.pressed) not in self.done:
            self.done.add((what, person.pressed))
            self.counts[what] += 1

    def is_over(self) -> bool:
        return time.monotonic() > self.ends

    def person(self) -> Walker:
        return Walker(self.address, event_hooks={"response": [_timed]})

    async def staff(self, who: str) -> Walker:
        return await self.person().sign_in(f"{who}@demo.dusangire.example", PASSWORD)


async def _timed(answer: httpx.Response) -> None:
    await answer.aread()
    for listener in LISTENERS:
        listener(answer.elapsed.total_seconds())


async def play(
    address: str, patients: int, lasts_s: float, *, seed: int = 7, watch: Callable[["Lunch"], object] = lambda _: None
) -> int:
    """Play the lunch; print what happened. Returns 0 when trays reached beds and no page broke.

    `watch` is given the lunch at its start, to look at its counts afterwards.
    """
    lunch = Lunch(address, time.monotonic() + 3600, random.Random(seed))  # noqa: S311  a play, not a secret
    watch(lunch)
    print(f"seed {seed}: {patients} patients are admitted …", flush=True)
    await _admit_all(lunch, patients)
    lunch.ends = time.monotonic() + lasts_s
    print(
        f"lunch begins: {len(lunch.guests)} patients, {COOKS} cooks, {CARRIERS} carriers, {lasts_s:.0f} s", flush=True
    )
    await asyncio.gather(
        _everybody_orders(lunch, lasts_s * 0.5),
        *(_cook(lunch) for _ in range(COOKS)),
        *(_carry(lunch) for _ in range(CARRIERS)),
        _change_things(lunch, lasts_s),
        _tell(lunch),
    )
    print(_line(lunch), flush=True)
    return 0 if lunch.counts["handed over"] and not lunch.counts["broken pages"] else 1


async def _admit_all(lunch: Lunch, patients: int) -> None:
    """Admit patients to free beds and write their charts, as nurse and doctor."""
    nurse, doctor = await lunch.staff("nurse"), await lunch.staff("doctor")
    marked = int(time.time()) % 1_000_000
    for n, bed in enumerate(BEDS):
        if len(lunch.guests) >= patients:
            break
        guest = await _admit(lunch, nurse, bed, f"L-{marked}-{n:03d}")
        if guest is not None:
            await _write_chart(lunch, nurse, doctor, guest)
            lunch.guests.append(guest)
    await nurse.close()
    await doctor.close()


async def _admit(lunch: Lunch, nurse: Walker, bed: str, mrn: str) -> Guest | None:
    await nurse.open(f"/wards/bed/{bed}/admit")
    if nurse.status != 200:
        return None
    given, family = lunch.dice.choice(GIVEN), lunch.dice.choice(FAMILY)
    born = date(1940, 1, 1) + timedelta(days=lunch.dice.randrange(60 * 365))
    await nurse.press(
        "", within="/register", mrn=mrn, given_name=given, family_name=family, birth_date=born.isoformat(),
        sex=lunch.dice.choice(("female", "male")), language="en", checked="on",
    )  # fmt: skip
    pin = re.search(r'id="pin-digits">(\d+)<', nurse.text)
    chart = nurse.links("/health-profiles/")
    if pin is None or not chart:
        lunch.counts["beds taken"] += 1
        return None
    await nurse.open(f"/wards/bed/{bed}/card")
    code = re.search(r"(?<!/wards)/bed/([A-Za-z0-9_-]+)", nurse.text)
    if code is None:
        raise LookupError(f"the card of {bed} shows no address")
    patient = chart[-1].rstrip("/").rpartition("/")[2].partition("#")[0]
    return Guest(patient, f"{given} {family}", born, bed, code.group(1), pin.group(1))


async def _write_chart(lunch: Lunch, nurse: Walker, doctor: Walker, guest: Guest) -> None:
    chart = f"/health-profiles/{guest.id}"
    await nurse.open(chart)
    if lunch.dice.random() < 0.3:
        await nurse.press("Add allergy", code=lunch.dice.choice(ALLERGIES), severity="severe")
    else:
        await nurse.press("", within="/allergies/none")
    await doctor.open(f"{chart}/diet-order")
    await doctor.press("Sign diet order", diet=lunch.dice.choice(DIETS), allergies="on", password=PASSWORD)
    lunch.counts["diets signed"] += doctor.status == 200


async def _everybody_orders(lunch: Lunch, within_s: float) -> None:
    async def later(guest: Guest) -> None:
        await asyncio.sleep(lunch.dice.random() * within_s)
        await _order(lunch, guest)

    await asyncio.gather(*(later(guest) for guest in lunch.guests))


async def _order(lunch: Lunch, guest: Guest) -> None:
    """Sign in from the bed, choose what is offered, order; where the meal holds too little, add and try again."""
    patient = lunch.person()
    try:
        await patient.open(f"/bed/{guest.code}?lang=en")
        await patient.press("Sign in", pin=guest.pin)
        for _ in range(4):
            await patient.open("/patient/")
            await _choose(lunch, patient)
            if await _check_out(lunch, patient, guest):
                return
        lunch.counts["gave up"] += 1
    except LookupError:
        lunch.counts["nothing to order"] += 1
    finally:
        lunch.counts["broken pages"] += patient.status >= 500
        await patient.close()


async def _choose(lunch: Lunch, patient: Walker) -> None:
    for _ in range(lunch.dice.choice((1, 2, 3))):
        offered = patient.buttons("Add ")
        if offered:
            await patient.press(lunch.dice.choice(offered))
            await patient.open("/patient/")


async def _check_out(lunch: Lunch, patient: Walker, guest: Guest) -> bool:
    await patient.open("/cart")
    onward = patient.links("/checkout")
    if not onward:
        return False
    await patient.open(onward[0])
    await patient.press("Place order")
    found = re.search(r"/orders/([0-9a-f-]{36})", patient.url)
    if found is None:
        lunch.counts["refused"] += 1
        return False
    guest.order = found.group(1)
    lunch.counts["ordered"] += 1
    return True


async def _cook(lunch: Lunch) -> None:
    cook = await lunch.staff("kitchen")
    while not lunch.is_over():
        await cook.open("/kitchen/")
        for words, done in (("I have stopped it", "stopped seen"), ("Ready", "cooked"), ("Start", "started")):
            labels = cook.buttons(words)
            if labels:
                await _try(cook, lunch.dice.choice(labels[:4]))
                lunch.count(done, cook)
                break
        lunch.counts["broken pages"] += cook.status >= 500
        await asyncio.sleep(0.15)
    await cook.close()


async def _carry(lunch: Lunch) -> None:
    carrier = await lunch.staff("delivery")
    while not lunch.is_over():
        await carrier.open("/delivery/")
        steps = carrier.links("/hand-over")
        if steps:
            await _hand_over(lunch, carrier, steps[0])
        elif carrier.has("Collect"):
            await _try(carrier, lunch.dice.choice(carrier.buttons("Collect")))
            lunch.count("collected", carrier)
        lunch.counts["broken pages"] += carrier.status >= 500
        await asyncio.sleep(0.2)
    await carrier.close()


async def _hand_over(lunch: Lunch, carrier: Walker, path: str) -> None:
    """Walk to the bed, check the tray and the person as the page asks, and give it; what may not be given goes back."""
    code = re.search(r"· ([A-Z]-[0-9A-Z]{4,6})\b", _words(carrier))
    await _try(carrier, "Arrived")
    await carrier.open(path)
    told = re.search(r"([A-Z]+-\d{3}) (.+?) Born (\d{4})", _words(carrier))
    if code is None or told is None:
        await _try(carrier, "", within="/brought-back")
        return
    bed, name, year = told.groups()
    await _try(carrier, "Check", within="/tray", code=code.group(1))
    await _try(carrier, "", within="/bed", code=bed, name=name, year=year)
    if await _try(carrier, "Hand over"):
        lunch.count("handed over", carrier)
    elif not await _try(carrier, "", within="/brought-back"):
        await _try(carrier, "Give up")


async def _try(person: Walker, label: str, **typed: str) -> bool:
    """Press a button if it is still there: another cook or carrier may have been faster."""
    try:
        await person.press(label, **typed)
    except LookupError:
        return False
    return True


def _words(person: Walker) -> str:
    """Return the main part of the page as text."""
    return " ".join(re.sub(r"<[^>]+>", " ", person.text.partition("<main")[2]).split())


async def _change_things(lunch: Lunch, lasts_s: float) -> None:
    """In the middle of lunch: an allergy, nothing by mouth, and a move to another bed."""
    await asyncio.sleep(lasts_s * 0.3)
    nurse = await lunch.staff("nurse")
    ordered = [guest for guest in lunch.guests if guest.order]
    for act, guest in zip(
        (_learn_allergy, _stop_eating, _move), lunch.dice.sample(ordered, min(3, len(ordered))), strict=False
    ):
        await act(lunch, nurse, guest)
        await asyncio.sleep(lasts_s * 0.1)
    await nurse.close()


async def _learn_allergy(lunch: Lunch, nurse: Walker, guest: Guest) -> None:
    await nurse.open(f"/health-profiles/{guest.id}")
    await nurse.press("Add allergy", code="milk", severity="anaphylaxis")
    lunch.counts["allergies learned"] += nurse.status == 200


async def _stop_eating(lunch: Lunch, nurse: Walker, guest: Guest) -> None:
    await nurse.open(f"/health-profiles/{guest.id}")
    await nurse.press("Nothing by mouth", npo_reason="Before your operation", npo_open="on")
    lunch.counts["nothing by mouth"] += nurse.status == 200


async def _move(lunch: Lunch, nurse: Walker, guest: Guest) -> None:
    await nurse.open(f"/wards/bed/{guest.bed}")
    beds = re.findall(r'<option value="([0-9a-f-]{36})"[^>]*>\s*([A-Z]+-\d{3})', nurse.text)
    if beds:
        bed, code = lunch.dice.choice(beds)
        await nurse.press("", within="/transfer", bed=bed)
        if nurse.status == 200:
            guest.bed = code
            lunch.counts["moved"] += 1


async def _tell(lunch: Lunch) -> None:
    while not lunch.is_over():
        await asyncio.sleep(5)
        print(_line(lunch), flush=True)


def _line(lunch: Lunch) -> str:
    return " · ".join(f"{what} {n}" for what, n in lunch.counts.items() if n)
